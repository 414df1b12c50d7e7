import { getCondition, type Peer } from '#pkg/api';
import { comparisonOf } from '../approval/comparison.ts';
import { isPeeringError, PeeringError } from '../errors.ts';
import { parseFingerprint } from '../identity/fingerprint.ts';
import { type DirectionReport, verdict } from '../report.ts';
import type { ApprovalAnswer } from '../wire.ts';
import type { ConsumerDeps } from './obtain.ts';
import type { ConsumerSession } from './session.ts';

/** Whatever the other side says: not more often than once a second, and a person is not kept waiting for long. */
const POLL_BOUNDS_MS = { min: 1_000, max: 10_000 };

/** Answers that end a request: only a new wish asks again. */
const ENDS = ['RequestRejected', 'RequestExpired', 'FingerprintDiffers'];

/** Whether what this Peer asks for was answered with no, as its status says. */
export function hasEnded(peer: Peer): boolean {
  return peer.status?.phase === 'Failed' && ENDS.includes(authenticatedOf(peer)?.reason ?? '');
}

/**
 * Asks the peer to let us use it, or how that stands.
 * @returns a report while somebody has to decide, or nobody will any more; `undefined` as soon as we are accepted
 * @throws PeeringError `RequestRejected`, `RequestExpired`; `FingerprintDiffers` where the endpoint proves another key than
 *   the Peer names: it is asked nothing; and what keeps it from being asked
 */
export async function awaitApproval(
  deps: ConsumerDeps,
  peer: Peer,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<DirectionReport | undefined> {
  const said = authenticatedOf(peer);
  if (said !== undefined && hasEnded(peer) && said.observedGeneration === peer.metadata.generation) {
    // Also after a restart: nothing is asked again before somebody here wants it.
    return report(peer, 'Failed', { reason: said.reason, message: said.message, requeueAfterMs: 60_000 });
  }
  const { asking } = session;
  const now = deps.clock.now();
  const wish = peer.spec.request?.askedAt;
  if (asking.last === undefined || asking.wish !== wish || now >= asking.nextAtMs) {
    const answer = await ask(deps, peer, session, signal);
    asking.wish = wish;
    asking.last = answer;
    asking.nextAtMs = now + Math.min(POLL_BOUNDS_MS.max, Math.max(POLL_BOUNDS_MS.min, answer.pollAfterSeconds * 1000));
  }
  return judge(deps, peer, asking.last, asking.nextAtMs - now);
}

function judge(
  deps: ConsumerDeps,
  peer: Peer,
  answer: ApprovalAnswer,
  requeueAfterMs: number,
): DirectionReport | undefined {
  const { name } = peer.metadata;
  const facts = { attempted: `ask ${name} for approval`, where: `Peer ${name}`, why: `it says: ${answer.why}` };
  switch (answer.state) {
    case 'Accepted':
      return undefined;
    case 'Rejected':
      throw new PeeringError('RequestRejected', facts);
    case 'Expired':
      throw new PeeringError('RequestExpired', facts);
    case 'Waiting': {
      const comparison = comparisonOf(deps.identity.fingerprint, peer.spec.fingerprint ?? '');
      const message = `wait until the people of ${name} accept: they compare ${comparison} and run \`tombolo accept ${deps.clusterName}\``;
      return report(peer, 'AwaitingApproval', { reason: 'AwaitingApproval', message, requeueAfterMs });
    }
  }
}

async function ask(
  deps: ConsumerDeps,
  peer: Peer,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<ApprovalAnswer> {
  const { name } = peer.metadata;
  const fingerprint = parseFingerprint(peer.spec.fingerprint);
  const attempted = `ask ${name} for approval`;
  if (fingerprint === undefined) {
    const next = 'name the key of that cluster in spec.fingerprint';
    const why = 'spec.fingerprint is missing, and nobody is asked whose key is not known';
    throw new PeeringError('FingerprintDiffers', { attempted, where: `Peer ${name}`, why, next });
  }
  const body = {
    clusterName: deps.clusterName,
    addresses: [...deps.addresses()].slice(0, 16),
    version: deps.version,
    askedAt: peer.spec.request?.askedAt ?? '',
  };
  try {
    return await session.peering(peer.spec.addresses ?? [], fingerprint).askApproval(body, signal);
  } catch (error) {
    if (!isPeeringError(error, 'IdentityChanged')) throw error;
    const why = `the record is not true: ${error.why.replace(/^identity changed: /, '')}; it was asked nothing`;
    throw new PeeringError('FingerprintDiffers', { attempted, where: error.where, why }, { cause: error });
  }
}

function authenticatedOf(peer: Peer) {
  return getCondition(peer.status?.conditions, 'Authenticated');
}

function report(
  peer: Peer,
  phase: 'AwaitingApproval' | 'Failed',
  { reason, message, requeueAfterMs }: { reason: string; message: string; requeueAfterMs: number },
): DirectionReport {
  return {
    role: 'Consume',
    stands: false,
    phase,
    step: phase === 'Failed' ? (peer.status?.step ?? '') : message,
    authenticated: verdict(phase === 'Failed' ? 'False' : 'Unknown', reason, message),
    apiReachable: verdict('Unknown', 'Pending', 'there is no credential yet'),
    facts: {},
    requeueAfterMs: Math.max(50, requeueAfterMs),
  };
}
