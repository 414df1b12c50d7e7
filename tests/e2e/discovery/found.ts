/** Records as discovery would write them, for tests of what comes after it. */
import type { Json, TestCluster } from '../bed.ts';

/** What a cluster says of itself. */
export interface Self {
  readonly fingerprint: string;
  readonly addresses: string[];
}

export async function selfOf(cluster: TestCluster): Promise<Self> {
  const { data } = (await cluster.json('-n tombolo-system get configmap tombolo-cluster')) as Json;
  return { fingerprint: data.fingerprint, addresses: JSON.parse(data.addresses) };
}

/** `1a2b-3c4d-5e6f-7081`, as people compare it. */
export function short(fingerprint: string): string {
  return (fingerprint.slice(0, 16).match(/.{4}/g) ?? []).join('-');
}

/** The domain of the records that tests make by hand. No source looks there. */
export const DOMAIN = 'by-hand.test';

/** Makes a record of `name` on `cluster`, judged as good. */
export async function found(cluster: TestCluster, name: string, { fingerprint, addresses }: Self): Promise<void> {
  const metadata = { name: `${name}-by-hand` };
  const spec = { clusterName: name, fingerprint, source: 'DNS', domain: DOMAIN, addresses, labels: { env: 'test' } };
  await forget(cluster, name);
  await cluster.apply({ apiVersion: 'tombolo.io/v1alpha1', kind: 'DiscoveredCluster', metadata, spec });
  const at = new Date().toISOString();
  const status = { state: 'Available', message: 'made by hand', addresses, firstSeen: at, lastSeen: at };
  const patch = ['patch', 'discoveredcluster', metadata.name, '--subresource', 'status', '--type', 'merge'];
  await cluster.kubectl([...patch, '-p', JSON.stringify({ status })]);
}

export async function forget(cluster: TestCluster, name: string): Promise<void> {
  await cluster.kubectl(['delete', 'discoveredcluster', `${name}-by-hand`, '--ignore-not-found']);
}

/** Removes requests and rules, so that the next test begins with none. */
export async function forgetRequests(...clusters: TestCluster[]): Promise<void> {
  for (const cluster of clusters) {
    await cluster.kubectl('delete peeringrules --all');
    await cluster.kubectl('-n tombolo-system delete peeringrequests --all');
  }
}
