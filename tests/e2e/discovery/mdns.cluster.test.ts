import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasRoom, patient } from '../../patience.ts';
import { apart, unpeer } from '../apart.ts';
import { type Json, openBed, type TestCluster, until } from '../bed.ts';
import { condition, isReady } from '../peered.ts';
import { avahi } from './avahi.ts';
import { flood, memoryWatch } from './flood.ts';
import { holdPort } from './held-port.ts';
import { forgetRequests } from './records.ts';
import { discover, named, savedValues, selfOf, setDiscovery, short } from './settings.ts';
import { speaker } from './speaker.ts';

const bed = openBed();
const milan = bed.cluster('milan');
const rome = bed.cluster('rome');
/** All of the bed: two or three. */
const clusters = [milan, rome, bed.cluster('turin')].filter(({ kubeconfig }) => existsSync(kubeconfig));
const OTHER_KEY = 'deadbeef'.repeat(8);

/** `npm test` takes 10 s; for the figures of docs/STATUS.md it was 30. */
const FLOOD_SECONDS = Number(process.env['TOMBOLO_FLOOD_SECONDS'] ?? 10);

let holder: AsyncDisposable | undefined;
let restore: (() => Promise<void>) | undefined;

/** Nothing is left under way where one of them fails. */
async function onAll(work: (cluster: TestCluster) => Promise<void>): Promise<void> {
  const failed = (await Promise.allSettled(clusters.map(work))).filter(({ status }) => status === 'rejected');
  if (failed.length > 0) throw new AggregateError(failed.map((outcome) => 'reason' in outcome && outcome.reason));
}

/** DiscoveredClusters of mDNS. */
const heardBy = async (cluster: TestCluster): Promise<Json[]> =>
  (await cluster.json('get discoveredclusters'))['items'].filter(({ spec }: Json) => spec.source === 'MDNS');

const agentOnFirstNode = async (): Promise<Json | undefined> =>
  (await milan.json('-n tombolo-system get pods -l tombolo.io/component=agent'))['items'].find(
    ({ spec }: Json) => spec.nodeName === 'milan-node1',
  );

/** Of the agent. */
const metricsOnFirstNode = async (): Promise<string> => {
  const name = (await agentOnFirstNode())?.['metadata'].name as string;
  return milan.kubectl(`get --raw /api/v1/namespaces/tombolo-system/pods/${name}:51843/proxy/metrics`);
};

/** Messages to port 5353 of milan's first node that did not fit into the socket (`drops` of /proc/net/udp). */
const droppedByKernel = async (): Promise<number> => {
  const table = await bed.control(['exec', 'milan/node1', '--', 'cat', '/proc/net/udp']);
  const lines = table.stdout.split('\n').map((line) => line.trim().split(/\s+/));
  const ofMdns = lines.filter(([, local]) => local?.endsWith(`:${(5353).toString(16).toUpperCase()}`));
  return ofMdns.reduce((sum, fields) => sum + Number(fields.at(-1)), 0);
};

beforeAll(async () => {
  const off = (cluster: TestCluster) => setDiscovery(bed, cluster, { mdns: { enabled: false }, labels: {} });
  // A run that was killed has left it on: then an agent has the port.
  holder = await holdPort(bed, 'milan').catch(async () => {
    await onAll(off);
    return holdPort(bed, 'milan');
  });
  const saved = await Promise.all(clusters.map((cluster) => savedValues(bed, cluster)));
  restore = () => onAll(async (cluster) => saved[clusters.indexOf(cluster)]?.());
  await onAll((cluster) =>
    setDiscovery(bed, cluster, {
      mdns: { enabled: true },
      labels: { 'example.com/site': cluster === milan ? 'north' : 'south' },
    }),
  );
});

afterAll(async () => {
  await holder?.[Symbol.asyncDispose]();
  await restore?.();
});

describe('mDNS', () => {
  test('PEER-08 a responder that keeps port 5353 of a node is named, hurts nothing else, and its end is noticed', async () => {
    const isSaid = (problem: string) =>
      problem.startsWith('MDNS milan-node1: node milan-node1: UDP port 5353 is in use by another mDNS responder');
    const { code } = await until(
      'milan says it',
      async () => {
        const answer = await discover(milan);
        return (answer.found['problems'] as string[]).some(isSaid) && answer;
      },
      60_000,
    );
    expect(code).toBe(4);
    const pod = await agentOnFirstNode();
    expect(pod?.['status'].containerStatuses[0]).toMatchObject({ ready: true, restartCount: 0 });
    const log = await milan.kubectl(['-n', 'tombolo-system', 'logs', pod?.['metadata'].name as string]);
    expect(log).toContain('UDP port 5353 is in use by another mDNS responder');
    expect(condition(await milan.json('get node milan-node1'), 'tombolo.io/NetworkUnavailable')?.['status']).not.toBe(
      'True',
    );
    await holder?.[Symbol.asyncDispose]();
    await until('milan listens by itself', async () => (await discover(milan)).code === 0, 60_000);
  });

  test('PEER-08 all clusters on one link list each other, and none lists itself', async () => {
    for (const here of clusters) {
      for (const there of clusters.filter((other) => other !== here)) {
        const { fingerprint, addresses } = await selfOf(there);
        const seen = await until(
          `${here.name} lists ${there.name}`,
          async () => named((await discover(here)).found, there.name, 'MDNS'),
          30_000,
        );
        expect(seen).toMatchObject({ fingerprint, shortFingerprint: short(fingerprint), state: 'Available' });
        expect((seen['addresses'] as string[]).toSorted()).toEqual(addresses.toSorted());
      }
      expect(named((await discover(here)).found, here.name, 'MDNS')).toBeUndefined();
    }
    expect(named((await discover(rome)).found, 'milan', 'MDNS')?.['labels']).toEqual({ 'example.com/site': 'north' });
    expect((await milan.tombolo('discover')).stdout).toMatch(/^rome +\S+.* +\S+ +MDNS +Available/m);
    const metrics = await metricsOnFirstNode();
    expect(metrics).toContain(`tombolo_discovery_clusters{name="MDNS milan-node1"} ${clusters.length - 1}`);
    expect(metrics).toMatch(/^tombolo_discovery_records_total\{source="MDNS"\} [1-9]/m);
  });

  test('PEER-08 avahi, on the same link, sees us and is seen, and what it takes back is gone', async () => {
    await using peer = await avahi(bed);
    const { fingerprint, addresses } = await selfOf(milan);
    const line = await until('avahi resolves milan', async () =>
      (await peer.browse()).find((text) => text.includes(`milan-${fingerprint.slice(0, 8)}`)),
    );
    expect(
      addresses.map((address) => `;${address.replace(':', ';')};`).some((end) => line.includes(end)),
      line,
    ).toBe(true);
    expect(line).toContain(`"id=${fingerprint}"`);
    expect(line).toContain('"label.example.com/site=north"');

    const publishing = peer.publish('oslo', 7555, ['name=oslo', `id=${OTHER_KEY}`, 'label.site=far']);
    const began = performance.now();
    const oslo = (found: Json) => named(found, 'oslo', 'MDNS');
    const object = await until('milan has heard of oslo', async () =>
      (await heardBy(milan)).find(({ spec }) => spec.clusterName === 'oslo'),
    );
    console.info(`listed ${((performance.now() - began) / 1000).toFixed(1)} s after avahi was told to publish it`);
    expect(object['spec']).toMatchObject({ fingerprint: OTHER_KEY, addresses: [`${peer.address}:7555`] });
    expect(oslo((await discover(milan)).found)).toMatchObject({ state: 'Available', labels: { site: 'far' } });
    await publishing[Symbol.asyncDispose]();
    await until('oslo is gone', async () => oslo((await discover(milan)).found) === undefined);
  });

  test('PEER-10 what the link says is never believed: bad records are refused, copies stand apart, and nobody ends another one', async () => {
    await using mouth = await speaker(bed);
    const [own, there] = [await selfOf(milan), await selfOf(rome)];
    const api = (await milan.json('get endpoints kubernetes'))['subsets'][0].addresses[0].ip as string;
    const claim = (name: string, key: string) => [`name=${name}`, `id=${key}`];
    const [host = '', port] = (there.addresses[0] ?? '').split(':');
    const bad = [
      { name: 'zero', txt: claim('zero', '1'.repeat(64)), port: 0 },
      { name: 'lost', txt: claim('lost', '2'.repeat(64)), address: null },
      { name: 'loop', txt: claim('loop', '3'.repeat(64)), address: '127.0.0.1' },
      { name: 'api', txt: claim('api', '4'.repeat(64)), address: api },
      { name: 'bytes', txt: [Buffer.from('name=bytes\xff', 'latin1'), `id=${'5'.repeat(64)}`] },
      { name: 'huge', txt: [...claim('huge', '6'.repeat(64)), ...Array.from({ length: 40 }, () => 'x'.repeat(180))] },
      { name: 'copy', txt: claim('milan', own.fingerprint) },
      { name: 'graz', txt: claim('graz', 'a1'.repeat(32)) },
      { name: 'other-graz', txt: claim('graz', OTHER_KEY) },
      // The name of the true rome's records, with another key.
      { name: 'false', instance: `rome-${there.fingerprint.slice(0, 8)}`, txt: claim('rome', OTHER_KEY) },
      // A true address with a false key.
      { name: 'genoa', txt: claim('genoa', 'ab'.repeat(32)), address: host, port: Number(port) },
    ];
    const told = async () => {
      for (const spoken of bad) mouth.say(spoken);
      return (await discover(milan)).found;
    };
    const found = await until('milan has judged them', async () => {
      const answer = await told();
      const names = ['zero', 'lost', 'loop', 'api', 'graz', 'genoa'];
      return names.every((name) => named(answer, name, 'MDNS')?.['state'] !== undefined) && answer;
    });
    const why = {
      zero: 'is announced with port 0',
      lost: 'has no address on this link',
      loop: 'is a loopback address',
      api: 'is our API server',
    };
    for (const [name, message] of Object.entries(why)) {
      const refused = { state: 'Refused', addresses: [], message: expect.stringContaining(message) };
      expect(named(found, name, 'MDNS'), name).toMatchObject(refused);
    }
    for (const name of ['bytes', 'huge', 'milan']) expect(named(found, name, 'MDNS'), name).toBeUndefined();
    const all = (name: string) => (found['clusters'] as Json[]).filter((entry) => entry['name'] === name);
    expect(all('graz').map(({ state }) => state)).toEqual(['Conflict', 'Conflict']);
    expect(all('rome').map(({ fingerprint }) => fingerprint)).toEqual(
      expect.arrayContaining([there.fingerprint, OTHER_KEY]),
    );

    const asked = await milan.tombolo('peer genoa');
    expect(asked.code).toBe(1);
    const expected = `the record is not true: it shows key ${short(there.fingerprint)}, not abab-abab-abab-abab`;
    expect(asked.stderr).toContain(expected);

    // It takes back its own words, and says that rome ends, which is not its to say.
    for (const spoken of bad) mouth.say({ ...spoken, ttlSeconds: 0 });
    const instance = `rome-${there.fingerprint.slice(0, 8)}`;
    mouth.say({ name: 'rome', instance, txt: claim('rome', there.fingerprint), ttlSeconds: 0 });
    await until('they are gone', async () => (await heardBy(milan)).length === clusters.length - 1);
    expect(named((await discover(milan)).found, 'rome', 'MDNS')).toMatchObject({
      fingerprint: there.fingerprint,
      state: 'Available',
    });
  });

  test('PEER-10 agents may write only what was heard by mDNS, and never its state', async () => {
    const object = await until('milan has heard of a cluster', async () => (await heardBy(milan))[0]);
    const as = ['--as', 'system:serviceaccount:tombolo-system:tombolo-agent'];
    const dns = {
      ...object,
      metadata: { name: 'made-up' },
      spec: { ...object['spec'], source: 'DNS' },
      status: undefined,
    };
    const created = await milan.try(['create', '-f', '-', ...as], { stdin: JSON.stringify(dns) });
    expect([created.code, created.stderr]).toEqual([
      1,
      expect.stringContaining('agents write only what was heard by mDNS'),
    ]);
    // kubectl reads before it patches, which agents have no right to.
    const name = 'mdns-test-reader';
    const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } };
    const reader = { apiGroups: ['tombolo.io'], resources: ['discoveredclusters/status'], verbs: ['get'] };
    const subject = { kind: 'ServiceAccount', name: 'tombolo-agent', namespace: 'tombolo-system' };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
    await milan.apply(
      { ...rbac, kind: 'ClusterRole', rules: [reader] },
      { ...rbac, kind: 'ClusterRoleBinding', roleRef, subjects: [subject] },
    );
    const refused = async (status: object) => {
      const body = JSON.stringify({ status });
      const patch = ['patch', 'discoveredcluster', object['metadata'].name as string, '--subresource=status'];
      return (await milan.try([...patch, '--type=merge', '-p', body, ...as])).stderr;
    };
    expect(await refused({ addresses: ['127.0.0.1:1'] })).toContain('which addresses may be dialled');
    expect(await refused({ state: 'Conflict' })).toContain(
      "the state of a discovered cluster is the controller's to say",
    );
    // Not an old one: what was not heard for a while is stale, and nobody can ask it.
    expect(await refused({ lastSeen: `${new Date().toISOString().slice(0, 19)}Z` })).toBe('');
    for (const right of [
      'create peers.tombolo.io',
      'create peeringrules.tombolo.io',
      'get secrets',
      'patch discoveries.tombolo.io',
    ])
      expect((await milan.try(['auth', 'can-i', ...right.split(' '), ...as])).stdout.trim(), right).toBe('no');
    await milan.kubectl(`delete clusterrole,clusterrolebinding ${name}`);
  });

  test('PEER-09 a cluster that was heard on the link is asked, accepts and is a node; when its endpoint moves, it is followed', async () => {
    await apart(milan, rome);
    await forgetRequests(milan, rome);
    const there = await selfOf(rome);
    const asked = await milan.tombolo('peer rome --no-wait');
    expect(asked, asked.stderr).toMatchObject({ code: 0 });
    await until(
      'the request is there',
      async () => (await rome.json('-n tombolo-system get peeringrequests'))['items'].length === 1,
    );
    const accepted = await rome.tombolo('accept milan');
    expect(accepted, accepted.stderr).toMatchObject({ code: 0 });
    await until('node rome is Ready', async () => isReady(await milan.find('get node rome')), 60_000);

    const service = ['-n', 'tombolo-system', 'patch', 'service', 'tombolo-peering', '--type=json', '-p'];
    const before = Number(there.addresses[0]?.split(':')[1]);
    const move = (nodePort: number) =>
      rome.kubectl([...service, JSON.stringify([{ op: 'replace', path: '/spec/ports/0/nodePort', value: nodePort }])]);
    await move(before === 32_767 ? before - 1 : before + 1);
    try {
      // The next leader says where it is at once, and no connection to the old place is left.
      await rome.kubectl('-n tombolo-system delete pods -l tombolo.io/component=controller --wait=false');
      await until(
        'rome says where it is',
        async () => (await selfOf(rome)).addresses[0] !== there.addresses[0],
        60_000,
      );
      const { addresses } = await selfOf(rome);
      const began = performance.now();
      await until(
        'milan has followed',
        async () => {
          const secret = await milan.json('-n tombolo-system get secret tombolo-peer-rome');
          const known = JSON.parse(Buffer.from(secret['data'].addresses as string, 'base64').toString()) as string[];
          return addresses.includes(known[0] ?? '');
        },
        60_000,
      );
      console.info(`followed ${((performance.now() - began) / 1000).toFixed(1)} s after rome said where it is`);
      await until(
        'rome is a good peer',
        async () => (await milan.json('get peer rome'))['status'].phase === 'Ready',
        30_000,
      );
    } finally {
      await move(before);
    }
  });

  test('a flood of 500 made-up clusters a second is bounded in memory and objects, and harms no peering', async () => {
    await using mouth = await speaker(bed, 120);
    const watch = await memoryWatch(bed, 'milan');
    const conditions = async () =>
      ((await milan.json('get peer rome'))['status'].conditions as Json[])
        .filter(({ type }) => ['ApiReachable', 'Authenticated', 'NetworkReady'].includes(type))
        // Where everything stalls at times, probes do so without a flood.
        .map(({ type, status, lastTransitionTime: time }) => `${type}=${status}${hasRoom() ? ` since ${time}` : ''}`)
        .toSorted();
    await until('the tunnel stands', async () => (await conditions()).join().includes('NetworkReady=True'), 60_000);
    const before = await conditions();
    const said = await flood(mouth, 500, FLOOD_SECONDS);
    const growth = await watch.growth();
    // Nodes that write at the same moment may go beyond it, and take that back.
    const heard = await until('no more than 64 objects', async () => {
      const objects = await heardBy(milan);
      return objects.length <= 64 && objects;
    });
    console.info(`${said} made-up clusters in ${FLOOD_SECONDS} s: ${heard.length} objects, ${JSON.stringify(growth)}`);
    expect(said).toBe(FLOOD_SECONDS * 500);
    expect(heard.length).toBeGreaterThan(1);
    expect(new Set(growth.map(({ process }) => process))).toEqual(new Set(['agent', 'controller']));
    for (const { process, growthMiB } of growth) expect(growthMiB, process).toBeLessThan(64);
    await expect.poll(conditions, { timeout: patient(10_000) }).toEqual(before);
    expect(isReady(await milan.find('get node rome'))).toBe(true);
    const metrics = await metricsOnFirstNode();
    const refused = Number(
      /^tombolo_discovery_dropped_total\{source="MDNS",reason="flood"\} (\d+)/m.exec(metrics)?.[1],
    );
    // An agent that a busy machine lets wait never sees what its socket could not hold.
    expect((refused || 0) + (await droppedByKernel()), metrics).toBeGreaterThan(0);
    expect(named((await discover(milan)).found, 'rome', 'MDNS')?.['state']).toBe('Available');
    await unpeer(milan, 'rome');
  });

  test('turned off, nothing of it is left', async () => {
    await restore?.();
    for (const cluster of clusters)
      await until(`${cluster.name} has forgotten them`, async () => (await heardBy(cluster)).length === 0, 60_000);
  });
});
