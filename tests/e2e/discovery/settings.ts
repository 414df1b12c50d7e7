import { join, resolve } from 'node:path';
import { patient } from '../../patience.ts';
import { type Bed, call, type Json, type TestCluster, until } from '../bed.ts';

const CHART = resolve(import.meta.dirname, '../../../charts/tombolo');

/**
 * Changes the chart's values of discovery and waits until the processes have them.
 * @param values of `discovery`, merged into those that are set
 */
export async function setDiscovery(bed: Bed, cluster: TestCluster, values: object): Promise<void> {
  await upgrade(bed, cluster, ['--reuse-values', '--set-json', `discovery=${JSON.stringify(values)}`]);
}

/** The values of the chart as they are now. @returns a function that brings them back, and waits until the processes have them */
export async function savedValues(bed: Bed, cluster: TestCluster): Promise<() => Promise<void>> {
  const text = await helm(bed, cluster, ['get', 'values', 'tombolo', '--output=json']);
  // A null takes a default away, which the schema then misses.
  const values = JSON.stringify(JSON.parse(text, (_, value: unknown) => value ?? undefined));
  return () => upgrade(bed, cluster, ['--reset-values', '--values=-'], values);
}

async function helm(bed: Bed, cluster: TestCluster, args: string[], stdin?: string): Promise<string> {
  const env = { ...process.env, KUBECONFIG: cluster.kubeconfig };
  const options = { env, timeoutMs: patient(120_000), ...(stdin !== undefined && { stdin }) };
  const outcome = await call(join(bed.folder, 'bin/helm'), [...args, '--namespace=tombolo-system'], options);
  if (outcome.code !== 0) throw new Error(`helm ${args[0]} on ${cluster.name}: ${outcome.stderr}`);
  return outcome.stdout;
}

async function upgrade(bed: Bed, cluster: TestCluster, args: string[], stdin?: string): Promise<void> {
  await helm(bed, cluster, ['upgrade', 'tombolo', CHART, '--skip-crds', ...args], stdin);
  for (const what of ['deployment/tombolo-controller', 'daemonset/tombolo-agent']) {
    await cluster.kubectl(['-n', 'tombolo-system', 'rollout', 'status', what, `--timeout=${patient(120)}s`], {
      timeoutMs: patient(130_000),
    });
  }
  // The leader of before answers, with the values of before, until it has handed over.
  await until(`a new controller leads ${cluster.name}`, async () => {
    const [{ items }, lease] = await Promise.all([
      cluster.json('-n tombolo-system get pods -l tombolo.io/component=controller'),
      cluster.json('-n tombolo-system get lease tombolo-controller'),
    ]);
    const isOld = ({ metadata }: Json) => metadata.deletionTimestamp !== undefined;
    return !items.some(isOld) && items.some(({ metadata }: Json) => metadata.uid === lease['spec'].holderIdentity);
  });
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
