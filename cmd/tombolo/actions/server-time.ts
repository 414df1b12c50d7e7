import type { Cluster } from '#pkg/kube';

/**
 * The time of the API server, to the second: what a cluster wrote is compared with it, since the clock here may be minutes
 * off. The clock here where the server does not say.
 */
export async function serverTime(cluster: Cluster, signal: AbortSignal): Promise<Date> {
  return timeOf((await cluster.client.request('GET', '/version', { signal })).headers);
}

export function timeOf(headers: Record<string, unknown>): Date {
  const at = new Date(typeof headers['date'] === 'string' ? headers['date'] : Number.NaN);
  return Number.isNaN(at.getTime()) ? new Date() : at;
}
