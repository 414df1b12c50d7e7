import { describe, expect, test } from 'vitest';
import { getCondition, type Peer, PEER, typeMeta } from '#pkg/api';
import { newIdentity } from './doubles/peering-bed.ts';
import { memoryClient } from './doubles/memory-client.ts';
import { consumerReport } from './consumer/consumer-view.ts';
import type { PeerCredentials } from './consumer/peer-credentials.ts';
import { consumerSession, type ConsumerSession } from './consumer/session.ts';
import { PeeringError } from './errors.ts';
import { statusOf, writeStatus } from './peer-status.ts';
import { type DirectionReport, verdict } from './report.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const identity = newIdentity();
const peer: Peer = {
  ...typeMeta(PEER),
  metadata: { name: 'rome', generation: 3 },
  spec: { roles: ['Consume'], fingerprint: identity.fingerprint },
};
const credentials: PeerCredentials = {
  peer: 'rome',
  origin: 'milan',
  tenantNamespace: 'tombolo-tenant-milan',
  path: 'Direct',
  server: 'https://198.18.0.3:6443',
  servers: [],
  relayAllowed: true,
  caPem: 'CA',
  token: 'a-token-that-must-not-show',
  expiresAt: NOW,
  lifetimeSeconds: 3600,
  addresses: ['198.18.0.3:30443'],
  fingerprint: identity.fingerprint,
  suspended: false,
};
const facts = { attempted: 'test', where: '198.18.0.3:30443 (TCP)', why: 'no answer within 3 s' };
const probe = { roundTripMs: 4, kubernetesVersion: 'v1.35.4', ending: false };
const info = {
  fingerprint: identity.fingerprint,
  clusterName: 'rome',
  version: '0.1.0',
  kubernetesVersion: 'v1.35.4',
  lends: true,
  ending: false,
};

/** A session that looked well at time 0. */
function session(change: (session: ConsumerSession) => void = () => {}): ConsumerSession {
  const result = consumerSession({ identity, version: '0.1.0' });
  Object.assign(result.api, { last: probe, goodAtMs: 0, goodAt: NOW });
  Object.assign(result.endpoint, { last: info, goodAtMs: 0, goodAt: NOW });
  change(result);
  return result;
}
const seen = ({ phase, authenticated, apiReachable, degraded }: DirectionReport) =>
  [
    phase,
    `Authenticated=${authenticated.status}/${authenticated.reason}`,
    `ApiReachable=${apiReachable.status}/${apiReachable.reason}`,
    degraded?.reason ?? '-',
  ].join(' ');

describe('what a consumer shows', () => {
  test('good while the last look is fresh', () => {
    expect(seen(consumerReport(peer, credentials, session(), 5_000))).toBe(
      'Ready Authenticated=True/KeyVerified ApiReachable=True/Direct -',
    );
  });

  test('nothing as True that was not verified within the last 20 s', () => {
    const silent = session(({ api, endpoint }) => {
      for (const track of [api, endpoint])
        Object.assign(track, { failures: 3, error: new PeeringError('PeerUnreachable', facts) });
    });
    const report = consumerReport(peer, credentials, silent, 20_000);
    expect([report.authenticated.status, report.apiReachable.status]).toEqual(['Unknown', 'False']);
  });

  test('one failed look changes nothing, the second in a row does', () => {
    const failedOnce = session(({ api }) =>
      Object.assign(api, { failures: 1, error: new PeeringError('ApiUnreachable', facts) }),
    );
    expect(consumerReport(peer, credentials, failedOnce, 9_000).apiReachable.status).toBe('True');
    const failedTwice = session(({ api }) =>
      Object.assign(api, { failures: 2, error: new PeeringError('ApiUnreachable', facts) }),
    );
    const { apiReachable } = consumerReport(peer, credentials, failedTwice, 11_000);
    expect(apiReachable).toMatchObject({ status: 'False', reason: 'ApiUnreachable' });
    expect(apiReachable.message).toContain('no answer within 3 s');
  });

  test('a lost peering endpoint degrades, work goes on', () => {
    const lost = session(({ api, endpoint }) => {
      api.goodAtMs = 30_000;
      Object.assign(endpoint, { failures: 4, error: new PeeringError('PeerUnreachable', facts) });
    });
    expect(seen(consumerReport(peer, credentials, lost, 31_000))).toBe(
      'Degraded Authenticated=True/CredentialAccepted ApiReachable=True/Direct PeerUnreachable',
    );
  });

  test('clocks that differ make the peer degraded, and what does not answer is told', () => {
    const off = session((result) => {
      Object.assign(result, { clockOffsetSeconds: -300 });
      Object.assign(result.endpoint, { failures: 2, error: new PeeringError('PeerUnreachable', facts) });
    });
    const { phase, degraded, facts: told } = consumerReport(peer, credentials, off, 5_000);
    expect([phase, degraded?.reason, degraded?.message]).toEqual([
      'Degraded',
      'ClockSkew',
      'the clock of the peer is 300 s behind ours; set both by NTP',
    ]);
    expect(told.clockOffsetSeconds).toBe(-300);
    expect(told.unreachable).toEqual([
      {
        service: 'PeeringEndpoint',
        address: '198.18.0.3:30443',
        reason: 'NoAnswer',
        message: 'no answer within 3 s',
      },
    ]);
  });

  test('another key is said, and that nothing is sent', () => {
    const changed = session(({ endpoint }) =>
      Object.assign(endpoint, { failures: 1, error: new PeeringError('IdentityChanged', facts) }),
    );
    const report = consumerReport(peer, credentials, changed, 1_000);
    expect([report.authenticated, report.apiReachable].map(({ status, reason }) => `${status}/${reason}`)).toEqual([
      'False/IdentityChanged',
      'False/IdentityChanged',
    ]);
  });

  test('no status holds a token', () => {
    const status = statusOf(peer, [consumerReport(peer, credentials, session(), 1)], NOW);
    expect(JSON.stringify(status)).not.toContain(credentials.token);
  });
});

const report = (change: Partial<DirectionReport>): DirectionReport => ({
  role: 'Consume',
  stands: true,
  phase: 'Ready',
  step: '',
  authenticated: verdict('True', 'KeyVerified', 'ours'),
  apiReachable: verdict('True', 'Direct', 'ours'),
  facts: {},
  requeueAfterMs: 1,
  ...change,
});

describe('the status of a Peer', () => {
  test('is that of its worst direction, with both steps', () => {
    const provider = report({
      role: 'Provide',
      phase: 'Ending',
      step: 'remove twins',
      authenticated: verdict('Unknown', 'NoContact', 'theirs'),
    });
    const status = statusOf(peer, [report({ step: 'renew' }), provider], NOW);
    expect(status).toMatchObject({ phase: 'Ending', step: 'renew; remove twins', roles: ['Consume', 'Provide'] });
    expect(getCondition(status.conditions, 'Authenticated')).toMatchObject({ message: 'ours', observedGeneration: 3 });
    expect(getCondition(status.conditions, 'Degraded')).toMatchObject({ status: 'False' });
  });

  test('shows the direction that stands where the other is over', () => {
    const over = report({ stands: false, phase: 'Ending', authenticated: verdict('Unknown', 'Pending', '') });
    const status = statusOf(peer, [over, report({ role: 'Provide' })], NOW);
    expect(getCondition(status.conditions, 'Authenticated')?.status).toBe('True');
    expect(status.roles).toEqual(['Provide']);
  });

  test('is written once and not again', async () => {
    const client = memoryClient();
    client.seed(PEER, structuredClone(peer));
    const fresh = await client.get<Peer>(PEER, { name: 'rome' });
    await writeStatus(client, fresh, statusOf(fresh, [report({})], NOW), AbortSignal.timeout(1_000));
    const stored = await client.get<Peer>(PEER, { name: 'rome' });
    await writeStatus(
      client,
      stored,
      statusOf(stored, [report({})], new Date(NOW.getTime() + 60_000)),
      AbortSignal.timeout(1_000),
    );
    expect(client.writes).toEqual(['apply Peer rome']);
  });
});
