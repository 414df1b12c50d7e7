import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Pod } from '#pkg/kube';
import { type Bed, openBed, type TestCluster, until } from '../e2e/bed.ts';
import { ensurePeered, offload } from '../e2e/peered.ts';
import { bedFolder } from '../testbed/bed-folder.ts';
import { createBarePods } from './bare-pods.ts';
import { machineCpuSeconds, processesWith, resetPeaks } from './process-usage.ts';
import { difference, requestCounts, sum } from './request-count.ts';

export interface BurstOptions {
  readonly root: string;
  /** Folder of the test bed. */
  readonly folder: string;
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly kwok: number;
  readonly kind: 'always' | 'never';
  /** Whether the pods mount a token of their service account, as most pods do. */
  readonly hasTokens: boolean;
  readonly keep: boolean;
}

/** One burst, from the creation of the Deployment (or of the first bare pod) to the last pod Ready at home. */
export interface Measure {
  readonly seconds: number;
  /** Of the whole machine, idle rate subtracted. */
  readonly cpuSeconds: number;
  /** Of our own processes. */
  readonly ownCpuSeconds: number;
  readonly providerRequestsPerPod: number;
  /** Requests that our kubelet made at the provider. */
  readonly ownProviderRequestsPerPod: number;
  readonly homeRequestsPerPod: number;
  readonly kubeletPeakMiB: number;
  readonly controllerPeakMiB: number;
  /** Requests by verb and resource, for those who want to know which. */
  readonly providerRequests: Record<string, number>;
  readonly homeRequests: Record<string, number>;
}

export interface SizeReport {
  readonly pods: number;
  readonly median: { readonly direct: Measure; readonly tombolo: Measure };
  readonly runs: readonly { readonly direct: Measure; readonly tombolo: Measure }[];
}

export interface BurstReport {
  readonly kind: string;
  readonly rounds: number;
  /** All our processes of both clusters, and the busiest one. */
  readonly idlePercentOfCore: number;
  readonly idlePercentOfBusiest: number;
  readonly sizes: readonly SizeReport[];
}

/** Long enough for 3,000 pods through a busy machine. */
const BURST_DEADLINE_MS = 15 * 60_000;
const IDLE_MS = 20_000;
const IMAGE = 'tombolo.test/busybox:1';

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

/** Brings up milan and rome (rome with kwok nodes), peers them, and runs all bursts, alternating. */
export async function burst(options: BurstOptions): Promise<BurstReport> {
  const { root, folder, kwok, sizes, rounds, kind, hasTokens } = options;
  await testbed(root, [
    'up',
    '--clusters',
    'milan,rome',
    '--kwok',
    String(kwok),
    '--kwok-cluster',
    'rome',
    '--dir',
    folder,
  ]);
  try {
    const bed = openBed(folder);
    const [milan, rome] = [bed.cluster('milan'), bed.cluster('rome')];
    await ensurePeered(milan, rome);
    await widenGrant(milan, Math.max(...sizes));
    const group = bedFolder(folder).cgroup;
    const idle = await idleRates(milan, rome, group);
    progress(
      `idle: our processes use ${(idle.ownCpu * 100).toFixed(2)} % of a core, the busiest ${(idle.busiest * 100).toFixed(2)} %`,
    );
    const reports: SizeReport[] = [];
    for (const pods of sizes) {
      const runs: { direct: Measure; tombolo: Measure }[] = [];
      for (let round = 1; round <= rounds; round++) {
        const direct = await oneBurst({ bed, group, where: rome, kind, hasTokens, pods, idle, through: false });
        const tombolo = await oneBurst({ bed, group, where: milan, kind, hasTokens, pods, idle, through: true });
        progress(
          `${pods} pods, round ${round}: direct ${direct.seconds.toFixed(1)} s, tombolo ${tombolo.seconds.toFixed(1)} s;` +
            ` requests per pod there ${tombolo.providerRequestsPerPod.toFixed(1)}` +
            ` (of them ours ${tombolo.ownProviderRequestsPerPod.toFixed(1)}), at home ${tombolo.homeRequestsPerPod.toFixed(1)}`,
        );
        runs.push({ direct, tombolo });
      }
      reports.push({
        pods,
        runs,
        median: { direct: median(runs.map((run) => run.direct)), tombolo: median(runs.map((run) => run.tombolo)) },
      });
    }
    return {
      kind,
      rounds,
      idlePercentOfCore: idle.ownCpu * 100,
      idlePercentOfBusiest: idle.busiest * 100,
      sizes: reports,
    };
  } finally {
    if (!options.keep) await testbed(root, ['down', '--dir', folder]);
  }
}

function testbed(root: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(root, 'tests/testbed/main.ts'), ...args], {
      cwd: root,
      stdio: ['ignore', process.stderr, 'inherit'],
    });
    child.once('error', fail);
    child.once('exit', (code) => (code === 0 ? done() : fail(new Error(`testbed ${args[0]}: exit ${code}`))));
  });
}

/** Room for the greatest burst, so that the grant is not what is measured. */
async function widenGrant(milan: TestCluster, pods: number): Promise<void> {
  const resources = { cpu: String(pods), memory: `${pods}Gi`, pods: String(pods + 200), 'ephemeral-storage': '20Gi' };
  await milan.kubectl([
    'patch',
    'virtualnode',
    'rome',
    '--type=merge',
    '-p',
    JSON.stringify({ spec: { resources, placement: { nodeSelector: { 'tombolo.test/kwok': 'true' } } } }),
  ]);
  await until(
    'the grant is wide enough',
    async () => Number((await milan.json('get node rome'))['status'].allocatable.pods) > pods,
    120_000,
  );
}

interface Idle {
  /** Cores that the machine and our processes use when nothing happens, and requests per second to each API server. */
  readonly cpu: number;
  readonly ownCpu: number;
  readonly busiest: number;
  readonly home: number;
  readonly provider: number;
}

async function idleRates(milan: TestCluster, rome: TestCluster, group: string): Promise<Idle> {
  await new Promise((next) => setTimeout(next, 10_000));
  const before = await snapshot(milan, rome, group);
  await new Promise((next) => setTimeout(next, IDLE_MS));
  const after = await snapshot(milan, rome, group);
  const seconds = (after.at - before.at) / 1000;
  return {
    cpu: (after.cpu - before.cpu) / seconds,
    ownCpu: (total(after.own) - total(before.own)) / seconds,
    busiest: Math.max(0, ...[...after.own].map(([pid, used]) => used - (before.own.get(pid) ?? used))) / seconds,
    home: sum(difference(before.home, after.home)) / seconds,
    provider: sum(difference(before.provider, after.provider)) / seconds,
  };
}

interface Snapshot {
  readonly at: number;
  readonly cpu: number;
  /** CPU seconds of each of our processes, by pid. */
  readonly own: ReadonlyMap<number, number>;
  readonly home: ReadonlyMap<string, number>;
  readonly provider: ReadonlyMap<string, number>;
}

const KUBELET = '/app/kubelet.js';
const CONTROLLER = '/app/controller.js';
/** In the image both are started by path; real kubelets have another one. */
const ownProcesses = async (group: string) => [
  ...(await processesWith(KUBELET, group)),
  ...(await processesWith(CONTROLLER, group)),
];

async function snapshot(milan: TestCluster, rome: TestCluster, group: string): Promise<Snapshot> {
  const [home, provider, own, cpu] = await Promise.all([
    requestCounts(milan),
    requestCounts(rome),
    ownProcesses(group),
    machineCpuSeconds(),
  ]);
  return {
    at: performance.now(),
    home,
    provider,
    cpu,
    own: new Map(own.map(({ pid, cpuSeconds }) => [pid, cpuSeconds])),
  };
}

function total(own: ReadonlyMap<number, number>): number {
  return own.values().reduce((all, used) => all + used, 0);
}

interface BurstRun {
  readonly bed: Bed;
  readonly group: string;
  readonly where: TestCluster;
  readonly kind: 'always' | 'never';
  readonly hasTokens: boolean;
  readonly pods: number;
  readonly idle: Idle;
  readonly through: boolean;
}

let serial = 0;

async function oneBurst({ bed, group, where, kind, hasTokens, pods, idle, through }: BurstRun): Promise<Measure> {
  const [milan, rome] = [bed.cluster('milan'), bed.cluster('rome')];
  const name = `burst-${++serial}`;
  if (through) await offload(milan, rome, name);
  else await rome.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const selector: Record<string, string> = through ? { 'tombolo.io/peer': 'rome' } : { 'tombolo.test/kwok': 'true' };
  await resetPeaks(await ownProcesses(group));
  const before = await snapshot(milan, rome, group);
  const spec = podSpec(kind === 'always' ? 'Always' : 'Never', selector, hasTokens);
  if (kind === 'always') await deploymentReady(where, name, pods, spec);
  else await createBarePods(where, { namespace: name, count: pods, spec, deadlineMs: BURST_DEADLINE_MS });
  const after = await snapshot(milan, rome, group);
  const seconds = (after.at - before.at) / 1000;
  const provider = difference(before.provider, after.provider);
  const home = difference(before.home, after.home);
  const peaks = async (text: string) =>
    Math.max(0, ...(await processesWith(text, group)).map((usage) => usage.peakMiB));
  const result = {
    seconds,
    cpuSeconds: after.cpu - before.cpu - idle.cpu * seconds,
    ownCpuSeconds: total(after.own) - total(before.own),
    providerRequestsPerPod: (sum(provider) - idle.provider * seconds) / pods,
    ownProviderRequestsPerPod: through ? ownRequests(provider, kind) / pods : 0,
    homeRequestsPerPod: (sum(home) - idle.home * seconds) / pods,
    kubeletPeakMiB: await peaks(KUBELET),
    controllerPeakMiB: await peaks(CONTROLLER),
    providerRequests: Object.fromEntries(provider),
    homeRequests: Object.fromEntries(home),
  };
  await where.kubectl(['delete', 'namespace', name, '--timeout=600s'], { timeoutMs: 610_000 });
  return result;
}

/** What only our kubelet sends to the provider: wrappers or bare pods, Secrets of tokens, and changes of them. */
function ownRequests(provider: ReadonlyMap<string, number>, kind: 'always' | 'never'): number {
  const kinds = [kind === 'always' ? 'replicasets' : 'pods', 'secrets'];
  const keys = kinds.flatMap((plural) => ['POST', 'PATCH', 'DELETE'].map((verb) => `${verb} ${plural}`));
  return keys.reduce((total, key) => total + (provider.get(key) ?? 0), 0);
}

function podSpec(
  restartPolicy: 'Always' | 'Never',
  nodeSelector: Record<string, string>,
  hasTokens: boolean,
): NonNullable<Pod['spec']> {
  return {
    restartPolicy,
    nodeSelector,
    automountServiceAccountToken: hasTokens,
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'main', image: IMAGE, resources: { requests: { cpu: '1m' } } }],
  };
}

async function deploymentReady(where: TestCluster, namespace: string, pods: number, spec: object): Promise<void> {
  const labels = { app: 'burst' };
  await where.apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'burst', namespace },
    spec: { replicas: pods, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await until(
    `${pods} pods are ready`,
    async () => (await where.json(['-n', namespace, 'get', 'deployment', 'burst']))['status'].readyReplicas === pods,
    BURST_DEADLINE_MS,
  );
}

/** The run with the median time: figures of one run belong together. */
function median(measures: readonly Measure[]): Measure {
  const sorted = measures.toSorted((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('no round was measured');
  return middle;
}
