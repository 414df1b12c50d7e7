import { expect, test } from 'vitest';
import type { Peer } from '#pkg/api';
import type { KubeClient, Lease } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { expireNetworkReady, type ReadyExpiryDeps } from './expire-ready.ts';

test('PEER-33 what a silent gateway said of its tunnels is taken back within 20 s, and only what was good', async () => {
  const clock = fakeClock();
  const peer = (name: string, status: 'True' | 'False'): Peer => ({
    metadata: { name },
    spec: { roles: [] },
    status: { conditions: [{ type: 'NetworkReady', status, reason: 'R', message: 'm', lastTransitionTime: '' }] },
  });
  const lease: Lease = { metadata: { name: 'tombolo-gateway' }, spec: {} };
  const written: string[] = [];
  const client = {
    apply: async (_: unknown, { metadata, status }: Peer) => {
      written.push(`${metadata.name} ${status?.conditions?.map((entry) => `${entry.status} ${entry.reason}`).join()}`);
    },
  } as unknown as KubeClient;
  const cache = <T>(items: T[]) => ({ synced: Promise.resolve(), list: () => items });
  const informers = {
    peers: cache([peer('rome', 'True'), peer('turin', 'False')]),
    gatewayLeases: cache([lease]),
  } as unknown as ReadyExpiryDeps['informers'];
  const stop = new AbortController();
  const running = expireNetworkReady({ client, informers, clock, log: silentLog }, stop.signal);
  const pass = async (seconds: number, isRenewed: boolean) => {
    for (let second = 0; second < seconds; second++) {
      if (isRenewed) lease.spec = { renewTime: `2026-01-01T00:00:00.${String(clock.now()).padStart(6, '0')}Z` };
      await clock.advance(1_000);
    }
  };
  await pass(60, true);
  await pass(12, false);
  expect(written).toEqual([]);
  await pass(8, false);
  expect(new Set(written)).toEqual(new Set(['rome Unknown GatewaySilent']));
  const before = written.length;
  await pass(20, true);
  expect(written.length).toBe(before);
  stop.abort();
  await running;
});
