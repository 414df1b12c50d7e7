import { describe, expect, test } from 'vitest';
import {
  type DiscoveredCluster,
  PEER,
  type Peer,
  PEERING_REQUEST,
  type PeeringRequest,
  type PeeringRule,
  typeMeta,
} from '#pkg/api';
import { keyOf } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { memoryClient } from '../doubles/memory-client.ts';
import { newIdentity } from '../doubles/peering-bed.ts';
import { comparisonOf } from './comparison.ts';
import { requestReconciler } from './request-reconciler.ts';
import { requestRef } from './request-state.ts';
import { rulesOf } from './rules.ts';

const milan = newIdentity();
const rome = newIdentity();
const signal = AbortSignal.timeout(30_000);
const HOUR_MS = 3600_000;

/** A request of milan to rome, made now, that waits for a day. */
async function scene({ rules = [], found = [] }: { rules?: PeeringRule[]; found?: DiscoveredCluster[] } = {}) {
  const client = memoryClient();
  const clock = fakeClock();
  const ref = requestRef(milan.fingerprint);
  const expiresAt = new Date(clock.wall().getTime() + 24 * HOUR_MS).toISOString();
  const spec = {
    fingerprint: milan.fingerprint,
    clusterName: 'milan',
    addresses: ['198.18.0.2:30443'],
    askedAt: '1',
    expiresAt,
  };
  await client.create<PeeringRequest>(PEERING_REQUEST, { ...typeMeta(PEERING_REQUEST), metadata: ref, spec });
  const reconciler = requestReconciler({
    requests: { get: (key) => client.peek<PeeringRequest>(PEERING_REQUEST).find((entry) => keyOf(entry) === key) },
    rules: rulesOf(
      () => rules,
      () => found,
    ),
    client,
    fingerprint: rome.fingerprint,
    clusterName: 'rome',
    clock,
    log: silentLog,
  });
  const look = async () => {
    const result = await reconciler.reconcile(keyOf({ metadata: ref }), signal);
    return { result, status: client.peek<PeeringRequest>(PEERING_REQUEST)[0]?.status };
  };
  const decide = (decision: PeeringRequest['spec']['decision']) =>
    client.patch<PeeringRequest>(PEERING_REQUEST, ref, { spec: { decision } }, { type: 'merge' });
  const peers = () => client.peek<Peer>(PEER);
  return { client, clock, look, decide, peers };
}

describe('a request of another cluster', () => {
  test('waits, says what to run, and changes nothing else', async () => {
    const { client, look, peers } = await scene();
    const { status } = await look();
    expect(status).toMatchObject({ state: 'Waiting', comparison: comparisonOf(milan.fingerprint, rome.fingerprint) });
    expect(status?.message).toContain('`tombolo accept milan`');
    expect(peers()).toEqual([]);
    const writes = client.writes.length;
    await look();
    expect(client.writes.length).toBe(writes);
  });

  test('becomes a peer that is lent to when somebody accepts, with name and limits as decided', async () => {
    const { look, decide, peers } = await scene();
    await decide({ verdict: 'Accept', name: 'mailand', limits: { cpu: '4' } });
    expect((await look()).status).toMatchObject({ state: 'Accepted', peer: 'mailand' });
    expect(peers()[0]).toMatchObject({
      metadata: { name: 'mailand' },
      spec: { roles: ['Provide'], fingerprint: milan.fingerprint, limits: { cpu: '4' } },
    });
  });

  test('that was accepted makes its peer no second time after that has ended', async () => {
    const { client, clock, look, decide, peers } = await scene();
    await decide({ verdict: 'Accept' });
    await look();
    await client.patch(PEER, { name: 'milan' }, { metadata: { finalizers: [] } }, { type: 'merge' });
    await client.delete(PEER, { name: 'milan' });
    await clock.advance(HOUR_MS);
    expect((await look()).status?.state).toBe('Accepted');
    expect(peers()).toEqual([]);
  });

  test('waits on with a sentence where the chosen name is another cluster', async () => {
    const { client, look, decide, peers } = await scene();
    const other: Peer = {
      ...typeMeta(PEER),
      metadata: { name: 'taken' },
      spec: { roles: [], fingerprint: 'cd'.repeat(32) },
    };
    client.seed(PEER, other);
    await decide({ verdict: 'Accept', name: 'taken' });
    const { status } = await look();
    expect(status?.state).toBe('Waiting');
    expect(status?.message).toMatch(/cannot be accepted: Peer taken: that name is in use.*--name/);
    expect(peers()).toHaveLength(1);
  });

  test('that was rejected stays so for a day, may still be accepted, and is forgotten then', async () => {
    const { client, clock, look, decide } = await scene();
    await decide({ verdict: 'Reject' });
    expect((await look()).status).toMatchObject({ state: 'Rejected', message: 'the people of rome rejected it' });
    await clock.advance(23 * HOUR_MS);
    expect((await look()).status?.state).toBe('Rejected');
    await decide({ verdict: 'Accept' });
    expect((await look()).status?.state).toBe('Accepted');
    await clock.advance(25 * HOUR_MS);
    await look();
    expect(client.peek(PEERING_REQUEST)).toEqual([]);
  });

  test('that nobody answers ends after a day, and a late yes does not count', async () => {
    const { clock, look, decide, peers } = await scene();
    await look();
    await clock.advance(24 * HOUR_MS);
    const { status } = await look();
    expect(status?.state).toBe('Expired');
    expect(status?.message).toMatch(/^nobody answered until .*; milan may ask again$/);
    await decide({ verdict: 'Accept' });
    expect((await look()).status?.state).toBe('Expired');
    expect(peers()).toEqual([]);
  });
});

describe('rules', () => {
  const rule = (spec: Omit<PeeringRule['spec'], 'action'>, action: 'Accept' | 'Ask' = 'Accept'): PeeringRule => ({
    ...typeMeta({ kind: 'PeeringRule' }),
    metadata: { name: 'fleet' },
    spec: { action, ...spec },
  });
  const record = (
    spec: Partial<DiscoveredCluster['spec']> = {},
    state: 'Available' | 'Conflict' | 'Stale' = 'Available',
  ): DiscoveredCluster => ({
    metadata: { name: 'milan-record' },
    spec: {
      clusterName: 'milan',
      fingerprint: milan.fingerprint,
      source: 'DNS',
      domain: 'fleet.example.com',
      addresses: [],
      labels: { env: 'prod' },
      ...spec,
    },
    status: { state },
  });
  const inFleet = rule({ domain: 'Fleet.example.com.', limits: { cpu: '2' } });

  test.for([
    ['its fingerprint', [rule({ fingerprint: milan.fingerprint })], [], 'Accepted'],
    ['another fingerprint', [rule({ fingerprint: rome.fingerprint })], [], 'Waiting'],
    ['its domain', [inFleet], [record()], 'Accepted'],
    ['its domain, without a record there', [inFleet], [], 'Waiting'],
    ['its domain, with a record of another key', [inFleet], [record({ fingerprint: rome.fingerprint })], 'Waiting'],
    ['its domain, with a record of another domain', [inFleet], [record({ domain: 'example.com' })], 'Waiting'],
    ['its domain, with a record of the LAN', [inFleet], [record({ source: 'MDNS' })], 'Waiting'],
    ['its domain, with a record that is contradicted', [inFleet], [record({}, 'Conflict')], 'Waiting'],
    ['its domain, with a record that has vanished', [inFleet], [record({}, 'Stale')], 'Waiting'],
    ['a label that it has', [rule({ domain: 'fleet.example.com', labels: { env: 'prod' } })], [record()], 'Accepted'],
    ['a label that it lacks', [rule({ domain: 'fleet.example.com', labels: { env: 'dev' } })], [record()], 'Waiting'],
    ['nobody in particular', [rule({})], [record()], 'Waiting'],
    ['asking, not accepting', [rule({ fingerprint: milan.fingerprint }, 'Ask')], [record()], 'Waiting'],
  ] as const)('for %s', async ([, rules, found, expected]) => {
    const { look, peers } = await scene({ rules: [...rules], found: [...found] });
    expect((await look()).status?.state).toBe(expected);
    expect(peers()).toHaveLength(expected === 'Accepted' ? 1 : 0);
  });

  test('give the limits that they name, and a no of people counts more than they', async () => {
    const lent = await scene({ rules: [inFleet], found: [record()] });
    expect((await lent.look()).status).toMatchObject({
      rule: 'fleet',
      message: 'accepted by rule fleet as peer milan',
    });
    expect(lent.peers()[0]?.spec.limits).toEqual({ cpu: '2' });
    const refused = await scene({ rules: [inFleet], found: [record()] });
    await refused.decide({ verdict: 'Reject' });
    expect((await refused.look()).status?.state).toBe('Rejected');
  });

  test('ask only what they name, and only while the record is good', () => {
    const asking = (spec: PeeringRule['spec'], state: 'Available' | 'Conflict' = 'Available') =>
      rulesOf(
        () => [{ metadata: { name: 'fleet' }, spec }],
        () => [],
      ).asking(record({}, state)) !== undefined;
    expect(asking({ action: 'Ask', domain: 'fleet.example.com' })).toBe(true);
    expect(asking({ action: 'Ask', domain: 'fleet.example.com' }, 'Conflict')).toBe(false);
    expect(asking({ action: 'Accept', domain: 'fleet.example.com' })).toBe(false);
    expect(asking({ action: 'Ask', domain: 'example.com' })).toBe(false);
  });
});
