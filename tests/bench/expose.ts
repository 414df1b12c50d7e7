import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectCluster, ENDPOINT_SLICE, type EndpointSlice, type Informer, loadKubeconfig, SERVICE } from '#pkg/kube';
import { openBed, type TestCluster, until } from '../e2e/bed.ts';
import { BUSYBOX, ensurePeered, offload, type Offloaded } from '../e2e/peered.ts';
import { downTestbed, upTestbed } from '../testbed/index.ts';

export interface ExposeOptions {
  /** Folder of the test bed. */
  readonly folder: string;
  /** Ready pods behind the Service. */
  readonly sizes: readonly number[];
  readonly rounds: number;
  /** Nodes at home that only pretend to run pods. */
  readonly kwok: number;
  readonly keep: boolean;
}

/** Milliseconds from the creation of the Service until slices hold all its pods as ready endpoints. */
interface Exposure {
  readonly localMs: number;
  readonly remoteMs: number;
}

export interface ExposeReport {
  readonly rounds: number;
  readonly loadAverage: readonly [number, number];
  readonly sizes: readonly { readonly pods: number; readonly runs: readonly Exposure[] }[];
}

const NAMESPACE = 'bench-expose';
const PODS_DEADLINE_MS = 15 * 60_000;
const EXPOSE_DEADLINE_MS = 5 * 60_000;
/** What a round before it has left to do, and the connections of this one's watches, are not what is measured. */
const SETTLE_MS = 3_000;

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

/** Brings up milan (with kwok nodes) and rome, and exposes a Service of each size, as often as rounds say. */
export async function expose(options: ExposeOptions, signal: AbortSignal): Promise<ExposeReport> {
  const { folder, kwok, sizes, rounds } = options;
  try {
    await upTestbed({ clusters: ['milan', 'rome'], kwok, kwokClusters: ['milan'], dir: folder }, signal);
    const bed = openBed(folder);
    const [milan, rome] = [bed.cluster('milan'), bed.cluster('rome')];
    await ensurePeered(milan, rome);
    const shop = await offload(milan, rome, NAMESPACE);
    const before = loadavg()[0] ?? 0;
    const reports: ExposeReport['sizes'][number][] = [];
    for (const pods of sizes.toSorted((a, b) => a - b)) {
      await pretendedPods(milan, pods);
      const runs: Exposure[] = [];
      for (let round = 1; round <= rounds; round++) {
        const run = await exposeOnce({ milan, rome, shop, name: `web-${pods}-${Date.now()}`, pods }, signal);
        progress(
          `${pods} pods, round ${round}: local ${run.localMs.toFixed(0)} ms, there ${run.remoteMs.toFixed(0)} ms`,
        );
        runs.push(run);
      }
      reports.push({ pods, runs });
    }
    return { rounds, loadAverage: [before, loadavg()[0] ?? 0], sizes: reports };
  } finally {
    if (!options.keep) await downTestbed({ dir: folder }, AbortSignal.timeout(300_000));
  }
}

/** One Deployment that grows from size to size: pods are not what is measured. */
async function pretendedPods(milan: TestCluster, replicas: number): Promise<void> {
  const labels = { app: 'web' };
  const containers = [{ name: 'main', image: BUSYBOX, resources: { requests: { cpu: '1m' } } }];
  const spec = { nodeSelector: { 'tombolo.test/kwok': 'true' }, automountServiceAccountToken: false, containers };
  await milan.apply({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await until(
    `${replicas} pods are ready`,
    async () => (await milan.json(['-n', NAMESPACE, 'get', 'deployment', 'web']))['status'].readyReplicas === replicas,
    PODS_DEADLINE_MS,
  );
}

interface ExposeRun {
  readonly milan: TestCluster;
  readonly rome: TestCluster;
  readonly shop: Offloaded;
  readonly name: string;
  readonly pods: number;
}

/** Creates the Service, sees its slices grow on both sides by watches, and deletes it again. */
async function exposeOnce({ milan, rome, shop, name, pods }: ExposeRun, signal: AbortSignal): Promise<Exposure> {
  await using home = connectCluster({ ...(await loadKubeconfig(milan.kubeconfig)), name: milan.name });
  await using provider = connectCluster({ ...(await loadKubeconfig(rome.kubeconfig)), name: rome.name });
  const labelSelector = `kubernetes.io/service-name=${name}`;
  await using local = watchSlices(home.informer(ENDPOINT_SLICE, { namespace: shop.name, labelSelector }), signal);
  await using remote = watchSlices(provider.informer(ENDPOINT_SLICE, { namespace: shop.twin, labelSelector }), signal);
  await Promise.all([local.synced, remote.synced]);
  await sleep(SETTLE_MS, undefined, { signal });
  const since = performance.now();
  await home.client.create(SERVICE, {
    metadata: { namespace: shop.name, name },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }] },
  });
  const [localAt, remoteAt] = await Promise.all([local.holds(pods), remote.holds(pods)]);
  await home.client.delete(SERVICE, { namespace: shop.name, name });
  await Promise.all([local.holds(0), remote.holds(0)]);
  return { localMs: localAt - since, remoteMs: remoteAt - since };
}

interface SliceWatch extends AsyncDisposable {
  readonly synced: Promise<void>;
  /** The time (`performance.now()`) at which that many ready endpoints stood there. @throws Error after 5 minutes */
  holds(count: number): Promise<number>;
}

function watchSlices(informer: Informer<EndpointSlice>, signal: AbortSignal): SliceWatch {
  const stop = new AbortController();
  const watching = informer.run(AbortSignal.any([signal, stop.signal]));
  return {
    synced: informer.synced,
    async holds(count) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const look = () => readyEndpoints(informer.list()) === count && resolve(performance.now());
      const late = () => {
        const why = `${readyEndpoints(informer.list())} of ${count} endpoints after ${EXPOSE_DEADLINE_MS / 1000} s`;
        reject(new Error(`expose a Service: ${why}`));
      };
      const deadline = setTimeout(late, EXPOSE_DEADLINE_MS);
      using _handler = informer.on(look);
      look();
      return await promise.finally(() => clearTimeout(deadline));
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
}

function readyEndpoints(slices: readonly EndpointSlice[]): number {
  const counts = slices.map(({ endpoints }) => endpoints?.filter((entry) => entry.conditions?.ready === true).length);
  return counts.reduce<number>((total, count) => total + (count ?? 0), 0);
}
