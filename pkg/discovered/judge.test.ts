import { type DiscoveredCluster, discoveredClusterName } from '#pkg/api';
import { describe, expect, test } from 'vitest';
import { findDiscovered } from './find.ts';
import { judge, type JudgeFacts } from './judge.ts';
import { ownPlaces } from './refusal.ts';

const ROME = 'aa'.repeat(32);
const FALSE_ROME = 'bb'.repeat(32);
const NOW = new Date('2026-05-05T12:00:00Z');

const facts: JudgeFacts = {
  ownFingerprint: 'cc'.repeat(32),
  known: [],
  own: ownPlaces({ nodeAddresses: ['192.0.2.10'], apiServers: [], publishedAddresses: [] }),
  now: NOW,
  staleAfterMs: { DNS: 75_000, MDNS: 240_000 },
};

function object(spec: Partial<DiscoveredCluster['spec']> = {}, seenAgoMs = 1_000): DiscoveredCluster {
  const whole = {
    clusterName: 'rome',
    fingerprint: ROME,
    source: 'DNS' as const,
    domain: 'example.com',
    addresses: ['203.0.113.5:7443'],
    ...spec,
  };
  const lastSeen = new Date(NOW.getTime() - seenAgoMs).toISOString();
  return { metadata: { name: discoveredClusterName(whole) }, spec: whole, status: { lastSeen } };
}

const verdictOf = (given: DiscoveredCluster, others: DiscoveredCluster[] = [], more: Partial<JudgeFacts> = {}) =>
  judge([given, ...others], { ...facts, ...more }).get(given.metadata.name);

describe('judge', () => {
  test('lets a good record be asked', () => {
    expect(verdictOf(object())).toEqual({ state: 'Available', message: '', addresses: ['203.0.113.5:7443'] });
  });

  test('knows our own record by its key, whatever name and address it has', () => {
    const own = object({ fingerprint: facts.ownFingerprint, addresses: ['203.0.113.5:1'] });
    expect(verdictOf(own)).toMatchObject({ state: 'Own', addresses: [] });
    expect(verdictOf(object(), [own])?.state).toBe('Available'); // nor is it a rival of a namesake
  });

  test('PEER-10 refuses a record that points to ourselves, and keeps the good addresses of a mixed one', () => {
    const bad = ['127.0.0.1:7443', '192.0.2.10:30443'];
    expect(verdictOf(object({ addresses: bad }))).toEqual({
      state: 'Refused',
      message: 'never dialled: 127.0.0.1:7443 is a loopback address; 192.0.2.10:30443 is a node of this cluster',
      addresses: [],
    });
    expect(verdictOf(object({ addresses: [...bad, '203.0.113.5:7443'] }))).toMatchObject({
      state: 'Available',
      addresses: ['203.0.113.5:7443'],
    });
    expect(verdictOf(object({ addresses: [], problem: 'a.example.com does not resolve (ETIMEOUT)' }))).toEqual({
      state: 'Refused',
      message: 'never dialled: a.example.com does not resolve (ETIMEOUT)',
      addresses: [],
    });
  });

  test('PEER-10 two keys that claim one name are both in conflict, each naming the other', () => {
    const [real, spoofed] = [object(), object({ fingerprint: FALSE_ROME, source: 'MDNS' })];
    expect(verdictOf(real, [spoofed])).toMatchObject({
      state: 'Conflict',
      message: expect.stringContaining('bbbb-bbbb-bbbb-bbbb'),
    });
    expect(verdictOf(spoofed, [real])).toMatchObject({
      state: 'Conflict',
      message: expect.stringContaining('aaaa-aaaa-aaaa-aaaa'),
    });
    // The same key twice, over DNS and mDNS, is no conflict; nor is a rival that is not seen any more.
    expect(verdictOf(real, [object({ source: 'MDNS' })])?.state).toBe('Available');
    expect(verdictOf(real, [object({ fingerprint: FALSE_ROME }, 80_000)])?.state).toBe('Available');
  });

  test('PEER-10 the key of a peer wins over a record with its name and another key', () => {
    const known = [{ peer: 'rome-1', clusterName: 'rome', fingerprint: ROME }];
    const [real, spoofed] = [object(), object({ fingerprint: FALSE_ROME })];
    expect(verdictOf(real, [spoofed], { known })?.state).toBe('Available');
    expect(verdictOf(spoofed, [real], { known })).toMatchObject({
      state: 'Conflict',
      message: 'peer rome-1 calls itself rome too and has another key, aaaa-aaaa-aaaa-aaaa',
    });
  });

  test('calls stale what was not heard of for its source’s time, with a sentence that does not change', () => {
    expect(verdictOf(object({}, 80_000))).toMatchObject({
      state: 'Stale',
      message: 'not seen since 2026-05-05T11:58:40.000Z',
    });
    expect(verdictOf(object({ source: 'MDNS' }, 80_000))?.state).toBe('Available');
    expect(verdictOf(object({ source: 'MDNS' }, 250_000))?.state).toBe('Stale');
  });
});

describe('findDiscovered', () => {
  const judged = (objects: DiscoveredCluster[]) => {
    const verdicts = judge(objects, facts);
    return objects.map((entry) => ({ ...entry, status: { ...entry.status, ...verdicts.get(entry.metadata.name) } }));
  };

  test('joins the records of one key, and never gives an address that may not be dialled', () => {
    const objects = judged([
      object(),
      object({ source: 'MDNS', addresses: ['127.0.0.1:7443', '198.51.100.5:7443'], labels: { a: 'b' } }),
    ]);
    expect(findDiscovered(objects, 'rome')).toMatchObject([
      { fingerprint: ROME, addresses: ['203.0.113.5:7443', '198.51.100.5:7443'], labels: { a: 'b' } },
    ]);
  });

  test('gives every key that claims a name, and a fingerprint chooses', () => {
    const objects = judged([object(), object({ fingerprint: FALSE_ROME })]);
    expect(findDiscovered(objects, 'rome')).toHaveLength(2);
    for (const wanted of [FALSE_ROME, 'bbbb-bbbb-bbbb-bbbb', 'BBBBBBBBBBBBBBBB', objects[1]?.metadata.name ?? '']) {
      expect(findDiscovered(objects, wanted).map(({ fingerprint }) => fingerprint)).toEqual([FALSE_ROME]);
    }
    expect(findDiscovered(objects, 'bbbb')).toEqual([]); // a few digits can be made by anybody
  });

  test('leaves out what is stale, refused or ourselves', () => {
    const objects = judged([
      object({}, 80_000),
      object({ fingerprint: FALSE_ROME, addresses: ['127.0.0.1:1'], clusterName: 'oslo' }),
      object({ fingerprint: facts.ownFingerprint, clusterName: 'bonn' }),
    ]);
    for (const name of ['rome', 'oslo', 'bonn']) expect(findDiscovered(objects, name)).toEqual([]);
  });
});
