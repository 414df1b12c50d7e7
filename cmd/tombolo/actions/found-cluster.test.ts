import { describe, expect, test } from 'vitest';
import { DISCOVERED_CLUSTER, type DiscoveredCluster, type Peer } from '#pkg/api';
import { type Cluster, KubeError, type Resource } from '#pkg/kube';
import { isCodedError } from '#pkg/runtime';
import { foundCluster } from './found-cluster.ts';
import { isFingerprintOf } from './named-cluster.ts';

const signal = AbortSignal.timeout(10_000);
const [first, second] = ['1a2b3c4d5e6f7081'.padEnd(64, '0'), '9'.repeat(64)] as const;

function record(
  clusterName: string,
  fingerprint: string,
  spec: Partial<DiscoveredCluster['spec']> = {},
  status: DiscoveredCluster['status'] = { state: 'Available' },
): DiscoveredCluster {
  const addresses = [`${clusterName}.example:7443`];
  return {
    metadata: { name: `${clusterName}-${fingerprint.slice(0, 8)}-${spec.source ?? 'DNS'}` },
    spec: { clusterName, fingerprint, source: 'DNS', addresses, ...spec },
    status: { addresses: spec.addresses ?? addresses, ...status },
  };
}

/** A cluster that found these, and has these Peers. */
function cluster(found: DiscoveredCluster[], peers: Peer[] = []): Cluster {
  const client = {
    list: async (resource: Resource) => ({ items: resource === DISCOVERED_CLUSTER ? found : peers }),
    get: async (_: Resource, { name }: { name: string }) => {
      const peer = peers.find(({ metadata }) => metadata.name === name);
      if (peer !== undefined) return peer;
      throw new KubeError('NotFound', { attempted: 'test', where: name, why: 'NotFound', status: 404 });
    },
  };
  return { name: 'milan', client } as unknown as Cluster; // nothing else of it is used here
}

async function refusal(promise: Promise<unknown>): Promise<{ code: string; why: string }> {
  try {
    await promise;
  } catch (error) {
    if (isCodedError(error)) return { code: error.code, why: error.why };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a cluster that somebody names', () => {
  test('is found by its name and by its fingerprint, over all sources', async () => {
    const lan = record('rome', first, { source: 'MDNS', addresses: ['192.0.2.7:7443'] });
    const here = cluster([record('rome', first), lan, record('turin', second)]);
    const rome = { clusterName: 'rome', fingerprint: first, addresses: ['rome.example:7443', '192.0.2.7:7443'] };
    for (const text of ['rome', '1a2b-3c4d-5e6f-7081', first, 'rome-1a2b3c4d-MDNS'])
      expect(await foundCluster(here, text, signal)).toMatchObject({ clusterName: 'rome', fingerprint: first });
    expect(await foundCluster(here, 'rome', signal)).toEqual(rome);
  });

  test('that two claim to be has to be named by its fingerprint', async () => {
    const conflict = { state: 'Conflict', message: 'another key claims it too' } as const;
    const here = cluster([record('rome', first, {}, conflict), record('rome', second, {}, conflict)]);
    expect(await refusal(foundCluster(here, 'rome', signal))).toEqual({
      code: 'AmbiguousName',
      why: '2 clusters call themselves so, with the keys 1a2b-3c4d-5e6f-7081, 9999-9999-9999-9999',
    });
    expect((await foundCluster(here, '9999-9999-9999-9999', signal)).fingerprint).toBe(second);
  });

  test('that discovery has refused is refused with its sentence', async () => {
    const here = cluster([record('rome', first, {}, { state: 'Refused', message: 'it points to 127.0.0.1' })]);
    expect(await refusal(foundCluster(here, 'rome', signal))).toEqual({
      code: 'Refused',
      why: 'it is Refused: it points to 127.0.0.1',
    });
  });

  test('that nobody has found is unknown; those that are near are offered', async () => {
    const { code, why } = await refusal(foundCluster(cluster([record('rome', first)]), 'rom', signal));
    expect([code, why]).toEqual(['UnknownCluster', 'there is none of that name; near: rome']);
  });

  test.for([
    ['has vanished', []],
    ['is stale', [record('rome', first, {}, { state: 'Stale', message: 'not seen since noon' })]],
    ['is of another key', [record('rome', second)]],
  ] as const)('that is waited for is known by its Peer, and its key, where its record %s', async ([, found]) => {
    const spec: Peer['spec'] = { roles: ['Consume'], fingerprint: first, addresses: ['a:1'] };
    expect(await foundCluster(cluster([...found], [{ metadata: { name: 'rome' }, spec }]), 'rome', signal)).toEqual({
      clusterName: 'rome',
      fingerprint: first,
      addresses: ['a:1'],
    });
  });
});

test('fewer digits than people compare are no fingerprint', () => {
  expect(['1a2b', '1a2b-3c4d-5e6f-708', '1a2b-3c4d-5e6f-7081'].map((text) => isFingerprintOf(text, first))).toEqual([
    false,
    false,
    true,
  ]);
});
