import { join, resolve } from 'node:path';
import { type Bed, call, type Json, type TestCluster } from '../bed.ts';

const CHART = resolve(import.meta.dirname, '../../../charts/tombolo');

/**
 * Changes the chart's values of discovery and waits until the processes have them.
 * @param values of `discovery`, merged into those that are set
 */
export async function setDiscovery(bed: Bed, cluster: TestCluster, values: object): Promise<void> {
  const args = ['upgrade', 'tombolo', CHART, '--namespace=tombolo-system', '--reuse-values', '--skip-crds'];
  const set = ['--set-json', `discovery=${JSON.stringify(values)}`];
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  const outcome = await call(join(bed.folder, 'bin/helm'), [...args, ...set], { env, timeoutMs: 120_000 });
  if (outcome.code !== 0) throw new Error(`helm upgrade on ${cluster.name}: ${outcome.stderr}`);
  for (const what of ['deployment/tombolo-controller', 'daemonset/tombolo-agent']) {
    await cluster.kubectl(['-n', 'tombolo-system', 'rollout', 'status', what, '--timeout=120s'], {
      timeoutMs: 130_000,
    });
  }
}

/** Address of this machine on the link of the bed: nodes and pods reach it. */
export async function linkAddress(cluster: TestCluster): Promise<string> {
  const nodes = await cluster.json('get nodes -l type!=virtual-kubelet');
  const { address } = nodes['items'][0].status.addresses.find((entry: Json) => entry['type'] === 'InternalIP');
  return `${address.split('.').slice(0, 3).join('.')}.1`;
}

/** What a cluster says of itself. */
export async function selfOf(cluster: TestCluster): Promise<{ fingerprint: string; addresses: string[] }> {
  const { data } = (await cluster.json('-n tombolo-system get configmap tombolo-cluster')) as Json;
  return { fingerprint: data.fingerprint as string, addresses: JSON.parse(data.addresses as string) as string[] };
}

export const short = (fingerprint: string): string => (fingerprint.slice(0, 16).match(/.{4}/g) ?? []).join('-');

/** `tombolo discover -o json`, parsed, with its exit code and how long it took. */
export async function discover(cluster: TestCluster): Promise<{ code: number; found: Json; tookMs: number }> {
  const began = performance.now();
  const { code, stdout, stderr } = await cluster.tombolo('discover --all -o json');
  if (stdout === '') throw new Error(`tombolo discover: exit ${code}: ${stderr}`);
  return { code, found: JSON.parse(stdout) as Json, tookMs: performance.now() - began };
}

/** What a source tells of the cluster of that name; undefined where it tells nothing. */
export function named(found: Json, name: string, source = 'DNS'): Json | undefined {
  return (found['clusters'] as Json[]).find((cluster) => cluster['name'] === name && cluster['source'] === source);
}
