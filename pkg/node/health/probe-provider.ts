import { KubeError } from '#pkg/kube';
import type { PeerCluster } from '../peer-cluster.ts';
import type { ProbeResult } from './health-state.ts';

const PROBE_TIMEOUT_MS = 3_000;

/**
 * Asks the provider for one object of ours. Reading it shows more than `/livez`: that the address answers, that our
 * credential is taken, and that its storage works. That the object is not there is an answer too.
 * @param path an object that the tenant account may read
 */
export async function probeProvider(peer: PeerCluster, path: string, signal: AbortSignal): Promise<ProbeResult> {
  const where = `the API server of peer ${peer.peer} at ${peer.cluster.server}`;
  const limit = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  try {
    // `stream` and not `get`: it never queues behind the writes of a burst for one of the pooled connections.
    const { status, body } = await peer.cluster.client.stream(path, { signal: AbortSignal.any([signal, limit]) });
    for await (const _ of body) if (limit.aborted) break; // read to the end, so that the connection is used again
    return resultOfStatus(status, where);
  } catch (error) {
    if (error instanceof KubeError && error.status > 0) return resultOfStatus(error.status, where);
    const why = limit.aborted ? `no answer within ${PROBE_TIMEOUT_MS / 1000} s` : causeOf(error);
    return { ok: false, reason: 'ProviderUnreachable', message: `cannot reach ${where}: ${why}` };
  }
}

function resultOfStatus(status: number, where: string): ProbeResult {
  if (status === 401 || status === 403) {
    const message = `${where} refused our credential (HTTP ${status})`;
    return { ok: false, reason: 'CredentialRefused', message };
  }
  // 429 is a server that lives and is busy.
  if (status < 500) return { ok: true };
  return { ok: false, reason: 'ProviderFailing', message: `${where} answers HTTP ${status}` };
}

function causeOf(error: unknown): string {
  if (error instanceof KubeError) return error.why;
  return error instanceof Error ? error.message : String(error);
}
