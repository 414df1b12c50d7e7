import { DISCOVERED_CLUSTER, type DiscoveredCluster, discoveredClusterName } from '#pkg/api';
import type { Sighting } from '#pkg/discovery';
import type { KubeClient } from '#pkg/kube';
import { describe, expect, test } from 'vitest';
import { mirror } from './mirror.ts';

const SIGNAL = new AbortController().signal;
const AT = new Date('2026-05-05T12:00:00Z');
const key = (digit: number) => digit.toString(16).padStart(64, '0');
const sighting = (n: number, more: Partial<Sighting> = {}): Sighting => ({
  clusterName: `c${n}`,
  fingerprint: key(n),
  source: 'MDNS',
  addresses: ['203.0.113.5:7443'],
  labels: {},
  lastSeen: AT,
  ...more,
});

/** As much of an API server as `mirror` sees: apply of spec and status, delete. */
function cluster(
  given: { maxObjects?: number; maxWrites?: number; isMine?: (object: DiscoveredCluster) => boolean } = {},
) {
  const stored = new Map<string, DiscoveredCluster>();
  const writes: string[] = [];
  const client = {
    async apply(_: unknown, { metadata, spec, status }: DiscoveredCluster, options: { subresource?: string }) {
      writes.push(options.subresource ?? 'spec');
      const old = stored.get(metadata.name);
      const next = options.subresource === 'status' ? { ...old, status } : { ...old, spec };
      stored.set(metadata.name, { ...next, metadata } as DiscoveredCluster);
    },
    async delete(resource: unknown, { name }: { name: string }) {
      expect(resource).toBe(DISCOVERED_CLUSTER);
      writes.push('delete');
      stored.delete(name);
    },
  } as unknown as KubeClient;
  const objects = { get: (name: string) => stored.get(name), list: () => [...stored.values()] };
  const options = {
    client,
    objects,
    fieldManager: 'test',
    isMine: () => true,
    maxObjects: 10,
    maxWrites: 10,
    ...given,
  };
  return { stored, writes, sync: (sightings: Sighting[]) => mirror(sightings, options, SIGNAL) };
}

describe('mirror', () => {
  test('makes, changes and removes objects, and writes nothing where nothing changed', async () => {
    const { stored, writes, sync } = cluster();
    await sync([sighting(1), sighting(2)]);
    expect([...stored.values()].map(({ spec, status }) => [spec.clusterName, status?.lastSeen])).toEqual([
      ['c1', '2026-05-05T12:00:00Z'],
      ['c2', '2026-05-05T12:00:00Z'],
    ]);
    writes.length = 0;
    await sync([sighting(1, { lastSeen: new Date(AT.getTime() + 10_000) }), sighting(2)]);
    expect(writes).toEqual([]); // it was seen again, too little later to be worth a write
    await sync([sighting(1, { lastSeen: new Date(AT.getTime() + 25_000) }), sighting(2)]);
    expect(writes).toEqual(['status']);
    await sync([sighting(1, { addresses: ['203.0.113.9:7443'] })]);
    expect(writes).toEqual(['status', 'delete', 'spec']);
    expect([...stored.values()].map(({ spec }) => spec.addresses)).toEqual([['203.0.113.9:7443']]);
  });

  test('is bounded in objects and in writes, and says that something is left', async () => {
    const many = Array.from({ length: 50 }, (_, n) => sighting(n));
    const { stored, sync } = cluster({ maxWrites: 4 });
    expect(await sync(many)).toMatchObject({ isWhole: false });
    expect(stored.size).toBe(4);
    for (let round = 0; round < 5; round++) await sync(many);
    expect(stored.size).toBe(10);
    expect(await sync(many)).toMatchObject({ isWhole: true });
  });

  test('takes back what nodes that wrote at the same moment made beyond the limit, and does not make it again', async () => {
    const many = Array.from({ length: 5 }, (_, n) => sighting(n));
    const { stored, writes, sync } = cluster({ maxObjects: 3 });
    for (const [second, one] of many.entries()) {
      const metadata = { name: discoveredClusterName(one), creationTimestamp: `2026-05-05T11:00:0${second}Z` };
      stored.set(metadata.name, {
        metadata,
        spec: { clusterName: one.clusterName, source: 'MDNS' },
      } as DiscoveredCluster);
    }
    await sync(many);
    expect([...stored.values()].map(({ spec }) => spec.clusterName)).toEqual(['c0', 'c1', 'c2']);
    writes.length = 0;
    await sync(many);
    expect(writes).toEqual([]);
  });

  test('leaves alone what is not its own', async () => {
    const { stored, sync } = cluster({ isMine: ({ spec }) => spec.source === 'MDNS' });
    await sync([sighting(1, { source: 'DNS', domain: 'example.com' }), sighting(2)]);
    await sync([]);
    expect([...stored.values()].map(({ spec }) => spec.source)).toEqual(['DNS']);
  });
});
