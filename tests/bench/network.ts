import { loadavg } from 'node:os';
import { openBed, type TestCluster, until } from '../e2e/bed.ts';
import { BUSYBOX, ensurePeered, offload, remotePod } from '../e2e/peered.ts';
import { cacheFolder } from '../testbed/cache-folder.ts';
import { hostCgroups } from '../testbed/cgroups.ts';
import { ensureComponent } from '../testbed/components.ts';
import { type Bed, downTestbed, progress as testbedProgress, upTestbed } from '../testbed/index.ts';
import { ensurePackages } from '../testbed/prerequisites.ts';
import { measureOnce, type Path, PATHS, type Route, type Sample, serve, TESTS } from './network-load.ts';
import { containerPlace, groupCpuSeconds, type Place, runIn } from './place.ts';
import { rawTunnel } from './raw-tunnel.ts';

export interface NetworkOptions {
  /** Folder of the test bed. */
  readonly folder: string;
  readonly rounds: number;
  /** Of each single measurement. */
  readonly seconds: number;
  readonly keep: boolean;
}

export interface NetworkReport {
  readonly rounds: number;
  readonly seconds: number;
  /** What an inner packet may measure, through Tombolo and through raw wireguard-go alike. */
  readonly innerMtuBytes: number;
  /** Load average (1 minute) at the beginning and at the end: much more than the two ends need makes figures worthless. */
  readonly loadAverage: readonly [number, number];
  readonly runs: readonly Readonly<Record<Path, Sample>>[];
}

const NAMESPACE = 'bench-network';
/** As much as a gateway asks for: on a machine that both ends share, nobody of the chain is preferred. */
const RESOURCES = { requests: { cpu: '50m', memory: '32Mi' } };
const IDLE_MS = 10_000;

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

/** Brings up milan and rome, one node each, and measures the three paths between them, alternating. */
export async function network(options: NetworkOptions, signal: AbortSignal): Promise<NetworkReport> {
  const { folder, rounds, seconds } = options;
  const context = {
    cache: cacheFolder(process.env),
    progress: testbedProgress((line) => void process.stderr.write(line)),
    signal,
  };
  await ensurePackages(['iperf3'], context);
  const program = await ensureComponent('wireguard-go', context);
  try {
    const bed = await upTestbed({ clusters: ['milan', 'rome'], kwok: 0, dir: folder }, signal);
    const users = openBed(folder);
    const [milan, rome] = [users.cluster('milan'), users.cluster('rome')];
    await ensurePeered(milan, rome);
    const pods = await podsOnBothSides(milan, rome);
    const gateways = [await gatewayPlace(milan), await gatewayPlace(rome)] as const;
    const nodes = [bed.cluster('milan').node(undefined), bed.cluster('rome').node(undefined)] as const;
    const inNode = (at: 0 | 1, place: Place): Place => ({ ...place, network: `/run/netns/${nodes[at].namespace}` });
    const innerMtuBytes = await innerMtu([...gateways, inNode(0, gateways[0]), inNode(1, gateways[1])]);
    const end = (at: 0 | 1) => ({
      place: inNode(at, gateways[at]),
      address: nodes[at].address,
      device: `tbr${at}${bed.cgroup.slice(-8)}`,
    });
    await using raw = await rawTunnel([end(0), end(1)], { program, mtuBytes: innerMtuBytes }, signal);
    const betweenNodes = { client: inNode(0, pods.home), server: inNode(1, pods.remote) };
    const routes: Record<Path, Route> = {
      tombolo: { client: pods.home, server: pods.remote, address: pods.address },
      raw: { ...betweenNodes, address: raw.address },
      veth: { ...betweenNodes, address: nodes[1].address },
    };
    await using _pod = serve(routes.tombolo.server, signal);
    await using _node = serve(routes.raw.server, signal);
    return await measure(bed, routes, { rounds, seconds, innerMtuBytes }, signal);
  } finally {
    if (!options.keep) await downTestbed({ dir: folder }, AbortSignal.timeout(300_000));
  }
}

async function measure(
  bed: Bed,
  routes: Record<Path, Route>,
  what: Pick<NetworkReport, 'rounds' | 'seconds' | 'innerMtuBytes'>,
  signal: AbortSignal,
): Promise<NetworkReport> {
  const cgroups = await hostCgroups();
  const used = () => groupCpuSeconds(bed.cgroup, cgroups);
  const idle = await idleRate(used);
  progress(`idle: the clusters use ${(idle * 100).toFixed(1)} % of a core; inner MTU ${what.innerMtuBytes}`);
  const cpuSeconds = async () => (await used()) - (idle * performance.now()) / 1000;
  const [before = 0] = loadavg();
  const runs: Record<Path, Sample>[] = [];
  for (let round = 1; round <= what.rounds; round++) {
    const sample: Record<Path, Sample> = { tombolo: {}, raw: {}, veth: {} };
    // Test by test, so that what is compared was measured within seconds; each round begins with another path.
    for (const test of TESTS) {
      for (const path of rotated(PATHS, round)) {
        const figures = await measureOnce(test, routes[path], { seconds: what.seconds, cpuSeconds, signal });
        sample[path] = { ...sample[path], ...figures };
      }
    }
    const flow = (path: Path) => sample[path].tcp1?.toFixed(2);
    progress(`round ${round}: 1 flow ${flow('tombolo')} Gbit/s, raw ${flow('raw')}, veth ${flow('veth')}`);
    runs.push(sample);
  }
  return { ...what, loadAverage: [before, loadavg()[0] ?? 0], runs };
}

function rotated<T>(all: readonly T[], by: number): T[] {
  return all.map((_, index) => all[(index + by) % all.length]).filter((entry) => entry !== undefined);
}

/** A pod at home that asks and one at the provider that answers; both only hold a network namespace and a cgroup. */
async function podsOnBothSides(milan: TestCluster, rome: TestCluster) {
  const shop = await offload(milan, rome, NAMESPACE);
  const containers = [{ name: 'main', image: BUSYBOX, command: ['sleep', '86400'], resources: RESOURCES }];
  const nodeName = 'milan-node1';
  const home = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'home' }, spec: { nodeName, containers } };
  await shop.create(home, remotePod('remote', { containers }));
  const here = await shop.podInPhase('home', 'Running', 120_000);
  const there = await shop.podInPhase('remote', 'Running', 120_000);
  const [remote] = await shop.remotePods(there['metadata'].uid);
  const address: string = await until('the remote pod has an address', async () => {
    return (await shop.pod('remote'))?.['status'].podIP as string | undefined;
  });
  const places = { home: await placeOf(here), remote: await placeOf(remote), address };
  await until(
    'the remote pod answers through the tunnel',
    () => runIn(places.home, ['busybox', 'ping', '-c', '1', '-W', '2', address]).then(() => true),
    60_000,
  );
  return places;
}

async function gatewayPlace(cluster: TestCluster): Promise<Place> {
  const { items } = await cluster.json('-n tombolo-system get pods -l tombolo.io/component=gateway');
  return await placeOf(items[0]);
}

async function placeOf(pod: Awaited<ReturnType<TestCluster['find']>>): Promise<Place> {
  const id: string | undefined = pod?.['status'].containerStatuses?.[0]?.containerID;
  if (id === undefined) throw new Error(`pod ${pod?.['metadata'].name ?? '(none)'} has no container`);
  return await containerPlace(id.slice(id.indexOf('//') + 2), await hostCgroups());
}

/** The least MTU of Tombolo's devices in all these places. */
async function innerMtu(places: readonly Place[]): Promise<number> {
  const sizes: number[] = [];
  for (const place of places) {
    const { stdout } = await runIn(place, ['ip', '-json', 'link', 'show']);
    const links = JSON.parse(stdout) as { readonly ifname: string; readonly mtu: number }[];
    sizes.push(...links.filter(({ ifname }) => ifname.startsWith('tombolo')).map(({ mtu }) => mtu));
  }
  return Math.min(...sizes);
}

async function idleRate(used: () => Promise<number>): Promise<number> {
  const [before, since] = [await used(), performance.now()];
  await new Promise((next) => setTimeout(next, IDLE_MS));
  return ((await used()) - before) / ((performance.now() - since) / 1000);
}
