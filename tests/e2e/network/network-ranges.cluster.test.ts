import { describe, expect } from 'vitest';
import { type Json, type TestCluster, until } from '../bed.ts';
import { test } from '../fixtures.ts';

/** Both clusters of the bed have the same ranges unless it was brought up with `--ranges distinct`. */
async function networkOf(cluster: TestCluster, peer: string): Promise<Json> {
  return await until(`${cluster.name} sees the ranges of ${peer}`, async () => {
    const { network } = (await cluster.json(`get peer ${peer}`))['status'];
    return network?.aliases?.length > 0 && network?.ourAliases?.length > 0 && network;
  });
}

async function nameOfMilan(rome: TestCluster): Promise<string> {
  return (await rome.json('get peers'))['items'][0].metadata.name;
}

const ready = async (cluster: TestCluster, peer: string) =>
  (await cluster.json(`get peer ${peer}`))['status'].conditions.find((entry: Json) => entry['type'] === 'NetworkReady');

/** Nothing is said about ranges: what is left to say is about the tunnel. */
const areRangesFine = async (cluster: TestCluster, peer: string) =>
  !/Range/.test((await ready(cluster, peer))?.['reason'] ?? '');

/** Changes what rome announces; undone at the end. */
async function withPodRanges(rome: TestCluster, ranges: string[], work: () => Promise<void>): Promise<void> {
  const before = (await rome.json('get clusternetwork cluster'))['spec'].podRanges;
  const set = (podRanges: string[]) =>
    rome.kubectl(['patch', 'clusternetwork', 'cluster', '--type=merge', '-p', JSON.stringify({ spec: { podRanges } })]);
  await set(ranges);
  try {
    await work();
  } finally {
    await set(before);
  }
}

describe('address ranges', () => {
  test('NET-02 NET-05 equal ranges get aliases on both sides, each knows how the other sees it, and a restart keeps them', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const own = (await rome.json('get clusternetwork cluster'))['spec'];
    expect((await milan.json('get clusternetwork cluster'))['spec'].podRanges).toEqual(own.podRanges);
    const here = await networkOf(milan, 'rome');
    const there = await networkOf(rome, await nameOfMilan(rome));
    expect(here['ourAliases']).toEqual(there['aliases']);
    expect(there['ourAliases']).toEqual(here['aliases']);
    const [pods] = here['aliases'];
    expect(pods.original).toBe(own.podRanges[0]);
    expect(pods.alias).toBe('10.0.0.0/16');
    await milan.kubectl('-n tombolo-system rollout restart deployment/tombolo-controller');
    await milan.kubectl('-n tombolo-system rollout status deployment/tombolo-controller --timeout=120s', {
      timeoutMs: 130_000,
    });
    expect((await networkOf(milan, 'rome'))['aliases']).toEqual(here['aliases']);
  });

  test('NET-04 a range that is added gets an alias, one that is replaced gives its alias back, others stay', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const [own] = (await rome.json('get clusternetwork cluster'))['spec'].podRanges;
    const before = (await networkOf(milan, 'rome'))['aliases'];
    const seen = async (...ranges: string[]) =>
      await until(`milan sees ${ranges.join(', ')}`, async () => {
        const { aliases } = (await milan.json('get peer rome'))['status'].network;
        return ranges.every((range) => aliases.some((entry: Json) => entry['original'] === range)) && aliases;
      });
    await withPodRanges(rome, [own, '10.77.0.0/16'], async () => {
      const aliases = await seen('10.77.0.0/16');
      expect(aliases).toEqual(expect.arrayContaining([...before, { original: '10.77.0.0/16', alias: '10.77.0.0/16' }]));
    });
    await until('the alias is given back', async () => {
      const { freed } = (await milan.json('get peer rome'))['status'].network;
      return freed.some((entry: Json) => entry['alias'] === '10.77.0.0/16');
    });
    expect((await networkOf(milan, 'rome'))['aliases']).toEqual(before);
  });

  test('NET-06 a range without a place is named with its size, and the others keep theirs', async ({
    milan,
    rome,
    peered: _,
  }) => {
    const before = (await networkOf(milan, 'rome'))['aliases'];
    const [own] = (await rome.json('get clusternetwork cluster'))['spec'].podRanges;
    const patch = (spec: object) =>
      milan.kubectl(['patch', 'clusternetwork', 'cluster', '--type=merge', '-p', JSON.stringify({ spec })]);
    // Reserved here, so it needs another place, and there is none of its size.
    await patch({ aliasPools: ['10.200.0.0/24'], reservedRanges: ['172.20.0.0/16'] });
    try {
      await withPodRanges(rome, [own, '172.20.0.0/17'], async () => {
        const condition = await until('NoFreeRange', async () => {
          const entry = await ready(milan, 'rome');
          return entry?.['reason'] === 'NoFreeRange' && entry;
        });
        expect(condition['status']).toBe('False');
        expect(condition['message']).toMatch(/172\.20\.0\.0\/17 .*size \/17.*10\.200\.0\.0\/24/);
        expect((await networkOf(milan, 'rome'))['aliases']).toEqual(before);
        await patch({ aliasPools: null });
        await until('solved', () => areRangesFine(milan, 'rome'));
        expect((await networkOf(milan, 'rome'))['aliases']).toEqual(expect.arrayContaining(before));
      });
    } finally {
      await patch({ aliasPools: null, reservedRanges: null });
    }
  });

  test('NET-07 ranges that would take our own addresses away are refused with a sentence, and get no route or rule', async ({
    bed,
    milan,
    rome,
    peered: _,
  }) => {
    // Its own controller refuses to tell them: a hostile provider writes them itself.
    const tenant = `tombolo-tenant-${await nameOfMilan(rome)}`;
    const write = (ranges: string[]) =>
      rome.kubectl([
        '-n',
        tenant,
        'patch',
        'link',
        'link',
        '--subresource=status',
        '--type=merge',
        '-p',
        JSON.stringify({ status: { ranges } }),
      ]);
    const scale = (count: number) =>
      rome.kubectl(`-n tombolo-system scale deployment/tombolo-controller --replicas=${count}`);
    const { replicas } = (await rome.json('-n tombolo-system get deployment tombolo-controller'))['spec'];
    await scale(0);
    try {
      await until('no controller is left', async () => {
        const pods = await rome.json('-n tombolo-system get pods -l tombolo.io/component=controller');
        return pods['items'].length === 0;
      });
      await write(['0.0.0.0/0', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '10.244.0.1/16']);
      const condition = await until('a refusal', async () => {
        const entry = await ready(milan, 'rome');
        return entry?.['reason'].startsWith('Range') && entry;
      });
      for (const word of ['all of IPv4', 'loopback', 'link-local', 'multicast', 'host bits']) {
        expect(condition['message']).toContain(word);
      }
      // Written after the condition.
      const aliases = async () => (await milan.json('get peer rome'))['status'].network.aliases;
      await until('no alias is left', async () => (await aliases()).length === 0);
      const nodes = (await milan.json('get nodes -l !tombolo.io/peer'))['items'];
      for (const { metadata } of nodes) {
        const script = 'ip route show dev tombolo-vx; nft list set inet tombolo peers4';
        const held = async () => {
          const outcome = await bed.control(['exec', `milan/${metadata.name}`, '--', 'sh', '-c', script]);
          return !/^\d|elements/m.test(outcome.stdout) && outcome.code === 0;
        };
        await until(`${metadata.name} has neither route nor rule for the peer`, held);
      }
      // Names, the API server and our own endpoint answer as before.
      const status = await milan.tombolo('status rome');
      expect(status, status.stderr).toMatchObject({ code: 0 });
    } finally {
      await scale(replicas);
    }
    await until('rome tells its own again', () => areRangesFine(milan, 'rome'), 60_000);
  });

  test('CLI-02 ranges of our own that overlap or do not hold the pods are refused at install, a wrong change on the object', async ({
    milan,
    peered: _,
  }) => {
    const outcome = await milan.tombolo(['install', '--pod-range', '10.96.0.0/12']);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/service range 10\.96\.0\.0\/16 overlaps pod range 10\.96\.0\.0\/12.*--pod-range/);
    const without = await milan.tombolo(['install', '--pod-range', '10.250.0.0/16']);
    expect(without.code).toBe(1);
    expect(without.stderr).toMatch(/pod \S+ has the address 10\.\S+, which is in no pod range \(10\.250\.0\.0\/16\)/);
    expect(
      (await milan.try('patch clusternetwork cluster --type=merge -p {"spec":{"anchorRange":"10.1.0.0/20"}}')).stderr,
    ).toContain('anchorRange cannot change');
  });
});
