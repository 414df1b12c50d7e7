import { beforeEach, describe, expect, test } from 'vitest';
import { type Cluster, LEASE, type Lease } from '#pkg/kube';
import { type FakeClock, fakeClock, rendezvous, silentLog } from '#pkg/runtime';
import { refused, type TestClient, testClient } from '../test-client.ts';
import { type ReplicaShares, replicaShares } from './replica-shares.ts';

const PEERS = ['rome', 'turin', 'genoa', 'bari', 'siena', 'como', 'lodi', 'trento', 'aosta', 'nuoro'];
let api: TestClient;
let clock: FakeClock;

beforeEach(() => {
  api = testClient();
  clock = fakeClock();
});

interface Replica {
  readonly shares: ReplicaShares;
  readonly stop: () => Promise<void>;
}

async function start(identity: string): Promise<Replica> {
  const home = { client: api.client, informer: () => api.informer<Lease>(LEASE) } as unknown as Cluster;
  const shares = replicaShares({ home, identity, namespace: 'tombolo-system', clock, log: silentLog });
  shares.setPeers(PEERS);
  const stop = new AbortController();
  const running = shares.run(stop.signal);
  await clock.advance(0);
  return {
    shares,
    async stop() {
      stop.abort();
      await clock.advance(0);
      await running;
    },
  };
}

const owned = ({ shares }: Replica) => [...shares.owned].sort();
const share = (identity: string, members: string[]) =>
  PEERS.filter((peer) => rendezvous(peer, members) === identity).sort();

describe('replicaShares', () => {
  test('one replica serves all peers at once', async () => {
    const a = await start('a');
    await clock.advance(1_000);
    expect(owned(a)).toEqual([...PEERS].sort());
    await a.stop();
    expect(owned(a)).toEqual([]);
    expect(api.get(LEASE, { name: 'tombolo-kubelet-a', namespace: 'tombolo-system' })).toBeUndefined();
  });

  test('a replica that joins takes its part after the others have let go of it', async () => {
    const a = await start('a');
    await clock.advance(2_000);
    const b = await start('b');
    expect(owned(a)).toEqual(share('a', ['a', 'b']));
    expect(owned(b)).toEqual([]);
    await clock.advance(2_000);
    expect(owned(b)).toEqual(share('b', ['a', 'b']));
    await Promise.all([a.stop(), b.stop()]);
  });

  test('a replica that leaves in order is replaced at once, after its work has stopped', async () => {
    const a = await start('a');
    const b = await start('b');
    await clock.advance(3_000);
    const order: string[] = [];
    b.shares.on(async (peers) => {
      if (peers.size > 0) return;
      await clock.sleep(700, new AbortController().signal);
      order.push('b has stopped');
    });
    a.shares.on((peers) => {
      if (peers.size === PEERS.length) order.push('a has all');
    });
    const stopping = b.stop();
    await clock.advance(1_500);
    await stopping;
    expect(order).toEqual(['b has stopped', 'a has all']);
    await a.stop();
  });

  test('NODE-20 a replica that dies is replaced when its lease ends', async () => {
    const a = await start('a');
    const b = await start('b');
    await clock.advance(3_000);
    api.failNext('', refused('Unreachable', 'x'));
    // Dies: renews no more. Its object stays as it is.
    const lease = api.get<Lease>(LEASE, { name: 'tombolo-kubelet-b', namespace: 'tombolo-system' });
    await b.stop();
    api.put(LEASE, lease as Lease);
    await clock.advance(5_000);
    expect(owned(a)).toEqual(share('a', ['a', 'b']));
    await clock.advance(2_000);
    expect(owned(a)).toEqual([...PEERS].sort());
    await a.stop();
  });

  test('after an outage of the API server each replica has what it had, and no other takes it meanwhile', async () => {
    const a = await start('a');
    const b = await start('b');
    await clock.advance(4_000);
    const before = [owned(a), owned(b)];
    expect(before.flat().sort()).toEqual([...PEERS].sort());
    const seen: string[][] = [];
    a.shares.on((peers) => void seen.push([...peers].sort()));
    for (let i = 0; i < 60; i++) api.failNext('patch Lease', refused('Unreachable', 'no route'));
    await clock.advance(30_000);
    expect([owned(a), owned(b)]).toEqual([[], []]);
    await clock.advance(4_000);
    expect([owned(a), owned(b)]).toEqual(before);
    expect(seen).toEqual([[], before[0]]);
    await Promise.all([a.stop(), b.stop()]);
  });

  test('a replica that cannot renew gives up 2 s before the others take over', async () => {
    const a = await start('a');
    await clock.advance(1_000);
    expect(owned(a)).toHaveLength(PEERS.length);
    for (let i = 0; i < 20; i++) api.failNext('patch Lease', refused('Unreachable', 'no route'));
    await clock.advance(3_000);
    expect(owned(a)).toHaveLength(PEERS.length);
    await clock.advance(2_000);
    expect(owned(a)).toEqual([]);
    await a.stop();
  });
});
