import {
  CLUSTER_NETWORK,
  DISCOVERED_CLUSTER,
  type DiscoveredCluster,
  DISCOVERY,
  type Discovery,
  PEER,
  typeMeta,
} from '#pkg/api';
import { type DiscoverySource, type Sighting } from '#pkg/discovery';
import { ENDPOINT_SLICE, NODE } from '#pkg/kube';
import { silentLog, systemClock } from '#pkg/runtime';
import { describe, expect, test } from 'vitest';
import { memoryCluster } from './doubles/memory-cluster.ts';
import { reportNeighbours } from './report-neighbours.ts';
import { runDiscovery } from './run-discovery.ts';

const OWN = 'cc'.repeat(32);
const ROME = 'aa'.repeat(32);

function controller(over: { domains?: string[]; isMdnsOn?: boolean; txt?: string[][]; addresses?: string[] } = {}) {
  const cluster = memoryCluster();
  const zone = {
    txt: over.txt ?? [['name=rome', `id=${ROME}`]],
    addresses: over.addresses ?? ['203.0.113.5'],
    isDown: false,
  };
  const answer = <T>(value: T): Promise<T> =>
    zone.isDown ? Promise.reject(Object.assign(new Error('down'), { code: 'ECONNREFUSED' })) : Promise.resolve(value);
  cluster.put(CLUSTER_NETWORK, {
    metadata: { name: 'cluster' },
    spec: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20' },
  });
  const stop = new AbortController();
  const running = runDiscovery(
    {
      client: cluster.client,
      informers: {
        discoveries: cluster.informer(DISCOVERY),
        discovered: cluster.informer(DISCOVERED_CLUSTER),
        peers: cluster.informer(PEER),
        networks: cluster.informer(CLUSTER_NETWORK),
        nodes: cluster.informer(NODE),
        apiSlices: cluster.informer(ENDPOINT_SLICE),
      },
      ownFingerprint: OWN,
      publishedAddresses: () => ['198.51.100.1:7443'],
      domains: over.domains ?? ['example.com'],
      resolver: () => ({
        srv: () => answer([{ target: 'a.example.com', port: 7443, priority: 1, weight: 1 }]),
        txt: () => answer(zone.txt.map((record) => record.map((text) => Buffer.from(text)))),
        addresses: () => answer(zone.addresses),
        cancel: () => {},
      }),
      periodMs: 60_000,
      isMdnsOn: over.isMdnsOn ?? false,
      clock: systemClock,
      log: silentLog,
    },
    stop.signal,
  );
  const discovery = () => cluster.informer<Discovery>(DISCOVERY).get('cluster');
  return {
    cluster,
    zone,
    discovery,
    states: () =>
      cluster
        .informer<DiscoveredCluster>(DISCOVERED_CLUSTER)
        .list()
        .map(({ spec, status }) => `${spec.clusterName} ${spec.source} ${status?.state} ${status?.addresses?.join()}`),
    /** What `tombolo discover` does; resolves when the lookups of that wish have ended. */
    async ask() {
      const spec = { requestedAt: new Date().toISOString() };
      const body = { ...typeMeta(DISCOVERY), metadata: { name: 'cluster' }, spec };
      const { metadata } = await cluster.client.apply<Discovery>(DISCOVERY, body, { fieldManager: 'tombolo-cli' });
      await expect.poll(() => discovery()?.status?.observedGeneration, { timeout: 5_000 }).toBe(metadata.generation);
    },
    async end() {
      stop.abort();
      await running;
    },
  };
}

describe('the leader', () => {
  test('makes objects with a state, and answers a wish to look with fresh ones and how its sources are', async () => {
    const { states, ask, zone, discovery, end } = controller();
    await expect.poll(states, { timeout: 5_000 }).toEqual(['rome DNS Available 203.0.113.5:7443']);
    zone.addresses = ['10.244.0.7', '203.0.113.9'];
    await ask();
    await expect.poll(states).toEqual(['rome DNS Available 203.0.113.9:7443']);
    expect(discovery()?.status?.sources).toMatchObject([{ name: 'DNS example.com', source: 'DNS', healthy: true }]);
    zone.isDown = true;
    await ask();
    expect(discovery()?.status?.sources).toMatchObject([
      { healthy: false, message: expect.stringContaining('cannot look up _tombolo._tcp.example.com') },
    ]);
    expect(states()).toEqual(['rome DNS Available 203.0.113.9:7443']);
    await end();
  });

  test('at rest writes nothing', async () => {
    const { cluster, states, discovery, end } = controller();
    await expect.poll(states, { timeout: 5_000 }).toEqual(['rome DNS Available 203.0.113.5:7443']);
    await expect.poll(() => discovery()?.status?.observedGeneration).toBe(1);
    const before = cluster.writes.length;
    await new Promise((next) => setTimeout(next, 500));
    expect(cluster.writes.slice(before)).toEqual([]);
    await end();
  });

  test('removes what no source is asked for any more, and what agents left behind where mDNS is off', async () => {
    const { cluster, states, end } = controller({ domains: [] });
    const lastSeen = new Date().toISOString();
    const spec = { clusterName: 'oslo', fingerprint: ROME, addresses: [] };
    const put = (name: string, more: object) =>
      cluster.put(DISCOVERED_CLUSTER, { metadata: { name }, spec: { ...spec, ...more }, status: { lastSeen } });
    put('a', { source: 'DNS', domain: 'example.org' });
    put('b', { source: 'MDNS' });
    await expect.poll(states, { timeout: 15_000 }).toEqual([]);
    await end();
  }, 20_000);
});

describe('an agent', () => {
  const sighting = (clusterName: string): Sighting => ({
    clusterName,
    fingerprint: ROME,
    source: 'MDNS',
    addresses: ['203.0.113.5:7443'],
    labels: {},
    lastSeen: new Date(),
  });

  function agent(cluster: ReturnType<typeof memoryCluster>, name: string) {
    const heard = {
      sightings: [] as Sighting[],
      state: { healthy: true } as ReturnType<DiscoverySource['state']>,
      looks: 0,
    };
    const handlers = new Set<() => void>();
    const stop = new AbortController();
    const source: DiscoverySource = {
      name: `MDNS ${name}`,
      run: (signal) => new Promise((done) => signal.addEventListener('abort', () => done())),
      sightings: () => heard.sightings,
      state: () => heard.state,
      async lookNow() {
        heard.looks += 1;
      },
      on(handler) {
        handlers.add(handler);
        return { [Symbol.dispose]: () => void handlers.delete(handler) };
      },
    };
    const informers = {
      discovered: cluster.informer<DiscoveredCluster>(DISCOVERED_CLUSTER),
      discoveries: cluster.informer<Discovery>(DISCOVERY),
    };
    const running = reportNeighbours(
      { client: cluster.client, informers, source, clock: systemClock, log: silentLog, random: () => 0 },
      stop.signal,
    );
    return {
      heard,
      change(next: Partial<typeof heard>) {
        Object.assign(heard, next);
        for (const handler of handlers) handler();
      },
      async end() {
        stop.abort();
        await running;
      },
    };
  }

  test('makes and removes what it hears, makes anew what another node took away, and leaves alone what only others hear', async () => {
    const cluster = memoryCluster();
    const names = () =>
      cluster
        .informer<DiscoveredCluster>(DISCOVERED_CLUSTER)
        .list()
        .map(({ spec }) => spec.clusterName);
    cluster.put(DISCOVERED_CLUSTER, { metadata: { name: 'x' }, spec: { ...sighting('theirs') } });
    const node = agent(cluster, 'node-1');
    node.change({ sightings: [sighting('rome')] });
    await expect.poll(names, { timeout: 5_000 }).toEqual(['theirs', 'rome']);
    const rome = cluster.informer<DiscoveredCluster>(DISCOVERED_CLUSTER).list()[1];
    await cluster.client.delete(DISCOVERED_CLUSTER, { name: rome?.metadata.name ?? '' });
    await expect.poll(names, { timeout: 5_000 }).toEqual(['theirs', 'rome']);
    node.change({ sightings: [] });
    await expect.poll(names, { timeout: 5_000 }).toEqual(['theirs']);
    await node.end();
  }, 20_000);

  test('says in the Discovery what is wrong on its node, takes it back, and looks once where somebody asks', async () => {
    const cluster = memoryCluster();
    cluster.put(DISCOVERY, { metadata: { name: 'cluster', generation: 7 }, spec: {} });
    const sources = () => cluster.informer<Discovery>(DISCOVERY).get('cluster')?.status?.sources ?? [];
    const node = agent(cluster, 'node-1');
    node.change({ state: { healthy: false, message: 'port 5353 is in use', lookedUpAt: new Date() } });
    await expect
      .poll(sources, { timeout: 5_000 })
      .toMatchObject([{ name: 'MDNS node-1', healthy: false, message: 'port 5353 is in use' }]);
    node.change({ state: { healthy: true } });
    await expect.poll(sources, { timeout: 5_000 }).toEqual([]);
    expect(node.heard.looks).toBe(1);
    await node.end();
  }, 20_000);

  test('under a flood writes few objects a second', async () => {
    const cluster = memoryCluster();
    const node = agent(cluster, 'node-1');
    const began = performance.now();
    node.change({ sightings: Array.from({ length: 256 }, (_, n) => sighting(`c${n}`)) });
    await new Promise((next) => setTimeout(next, 3_000));
    const made = cluster.writes.filter((write) => write === 'apply DiscoveredCluster tombolo-discovery-mdns').length;
    // A run comes at most every 0.75 s and makes five.
    expect(made).toBeLessThanOrEqual(5 * (1 + (performance.now() - began) / 750));
    expect(made).toBeGreaterThan(0);
    await node.end();
  }, 20_000);
});
