import { expect, test } from 'vitest';
import { generatePrivateKey, publicKeyOf } from '#network/wireguard';
import type { Peer } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { fakeClock } from '#pkg/runtime';
import { type PeerReport, Reporter, reportOf, unusableReport } from './report.ts';

const PEER = {
  name: 'rome',
  publicKey: publicKeyOf(generatePrivateKey()),
  endpoints: ['rome.example:51820'],
  probeAddress: '10.61.0.2',
  nat: { name: 'rome', ranges: ['10.61.0.0/16'], announced: [] },
};
const DIALLED = '192.0.2.1:51820';
const probe = (state: 'unknown' | 'up' | 'down') => ({ state, missed: 0, loss: 0.25, smoothedRoundTripMs: 1.2345 });

test('an answer is True, silence is False and says where it was dialled and what to look at', () => {
  expect(reportOf(PEER, probe('up'), undefined, { dialled: DIALLED })).toEqual({
    condition: { type: 'NetworkReady', status: 'True', reason: 'TunnelUp', message: expect.any(String) },
    tunnel: { endpoint: DIALLED, roundTripMilliseconds: 1.23, lossPercent: 25 },
  });
  const { condition } = reportOf(PEER, probe('down'), undefined, { dialled: DIALLED });
  expect(condition).toMatchObject({ status: 'False', reason: 'NoAnswer' });
  expect(condition.message).toMatch(/192\.0\.2\.1:51820 \(UDP; there was no handshake yet\).*port is open/);
});

test('a peer that nobody can dial, or that told no address for probes, is said so', () => {
  expect(reportOf(PEER, probe('unknown'), undefined, {}).condition.reason).toBe('NotDialled');
  const { probeAddress: _, ...without } = PEER;
  expect(reportOf(without, undefined, undefined, { dialled: DIALLED }).condition.reason).toBe('NoProbeAddress');
  expect(reportOf(PEER, probe('unknown'), undefined, { dialled: DIALLED }).condition.status).toBe('Unknown');
});

test('a name without an address is named, also where what it had before is silent', () => {
  const facts = { unresolved: 'rome.example', from: 'our gateway (pod address 10.1.2.3)' };
  const { condition } = reportOf(PEER, probe('unknown'), undefined, facts);
  expect(condition).toMatchObject({ status: 'False', reason: 'NameNotResolved' });
  expect(condition.message).toMatch(
    /the name rome\.example of its gateway has no address for our gateway \(pod address/,
  );
  const stale = reportOf(PEER, probe('down'), undefined, { ...facts, dialled: DIALLED }).condition;
  expect(stale).toMatchObject({ reason: 'NameNotResolved', message: expect.stringContaining(DIALLED) });
  // Another endpoint of it may answer: that one is dialled next.
  const several = { ...PEER, endpoints: ['rome.example:1', '192.0.2.1:51820'] };
  expect(reportOf(several, probe('down'), undefined, { ...facts, dialled: DIALLED }).condition.reason).toBe('NoAnswer');
  expect(reportOf(PEER, probe('up'), undefined, { ...facts, dialled: DIALLED }).condition.status).toBe('True');
});

/** A reporter whose writes change the peer at once. */
function setUp(conditions: NonNullable<NonNullable<Peer['status']>['conditions']> = []) {
  const clock = fakeClock();
  const writes: Peer['status'][] = [];
  let peer: Peer = { metadata: { name: 'rome', uid: 'u' }, spec: { roles: [] }, status: { conditions } };
  const client = {
    apply: async (_: unknown, object: Peer) => {
      writes.push(object.status);
      peer = { ...peer, status: { ...peer.status, ...object.status } };
    },
  } as unknown as KubeClient;
  const reporter = new Reporter(client, clock);
  return { clock, writes, say: (said: PeerReport) => reporter.report(peer, said, AbortSignal.timeout(1_000)) };
}
const up = (roundTripMilliseconds: number): Required<PeerReport> => ({
  condition: { type: 'NetworkReady', status: 'True', reason: 'TunnelUp', message: 'up' },
  tunnel: { endpoint: DIALLED, roundTripMilliseconds, lossPercent: 0 },
});

test('a round trip that drifts a little is written once a minute, a jump at once', async () => {
  const { clock, writes, say } = setUp();
  await say(up(10));
  await say(up(10));
  await say(up(10.4));
  // The condition, and the numbers.
  expect(writes).toEqual([
    { conditions: [expect.objectContaining({ reason: 'TunnelUp' })] },
    { tunnel: up(10).tunnel },
  ]);
  await say(up(20));
  expect(writes).toHaveLength(3);
  await clock.advance(60_000);
  await say(up(20.1));
  expect(writes).toHaveLength(4);
});

test('what is wrong with ranges is left to who said it', async () => {
  const said = { type: 'NetworkReady', status: 'False', reason: 'NoFreeRange', message: 'no place' } as const;
  const { writes, say } = setUp([{ ...said, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
  await say(up(10));
  expect(writes).toEqual([{ tunnel: up(10).tunnel }]);
});

test('a sentence that alone changes is written once a minute', async () => {
  const { clock, writes, say } = setUp();
  const said = (message: string): PeerReport => ({ ...up(10), condition: { ...up(10).condition, message } });
  await say(said('at 192.0.2.1'));
  await say(said('at 192.0.2.2'));
  await clock.advance(60_000);
  await say(said('at 192.0.2.2'));
  await say(said('at 192.0.2.2'));
  const messages = writes.flatMap((status) => status?.conditions?.map(({ message }) => message) ?? []);
  expect(messages).toEqual(['at 192.0.2.1', 'at 192.0.2.2']);
});

test('NET-37 where no tunnel is wanted nothing is said of one, and what was measured of it goes', async () => {
  const unwanted = unusableReport({ name: 'rome', reason: 'NoTunnel', message: 'one side wants no tunnel' });
  expect(unwanted).toEqual({ tunnel: {} });
  const { writes, say } = setUp();
  await say(up(10));
  await say(unwanted);
  expect(writes.at(-1)).toEqual({});
});
