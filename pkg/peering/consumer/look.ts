import type { Peer } from '#pkg/api';
import type { PeeringClient } from '../client/peering-client.ts';
import { isPeeringError, PeeringError } from '../errors.ts';
import { followRecord } from './follow-record.ts';
import type { PeerCluster } from '../peer-clusters.ts';
import type { ConsumerDeps } from './obtain.ts';
import { recoverCredentials, switchPath } from './obtain.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import { probeApi } from './probe.ts';
import { renewInMs, renewToken } from './renew.ts';
import { type ConsumerSession, failed, succeeded, tracked } from './session.ts';
import { writeCredentials } from './store.ts';
import type { InfoAnswer } from '../wire.ts';

/** Below the 10 s after which the peering endpoint cuts an idle connection, so that ours is kept; and 20 s stay two looks. */
export const LOOK_EVERY_MS = 8_000;
/** One failure is no verdict: look again soon (PEER-26 counts 10 s in all). */
export const LOOK_AGAIN_MS = 2_000;
const PROBE_TIMEOUT_MS = 4_000;

/** Looks at the API server and at the peering endpoint, both at once; notes what it saw in `session`. */
export async function look(
  deps: ConsumerDeps,
  credentials: PeerCredentials,
  provider: PeerCluster | undefined,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  const withTimeout = () => AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
  const peering = session.peering(credentials.addresses, credentials.fingerprint);
  await Promise.all([
    tracked(session.endpoint, clock, signal, () => askEndpoint(peering, credentials.addresses, withTimeout())),
    provider === undefined
      ? undefined
      : tracked(session.api, clock, signal, () =>
          probeApi(provider.cluster.client, credentials.tenantNamespace, withTimeout()),
        ),
  ]);
  session.clockOffsetSeconds = steadyOffset(session.clockOffsetSeconds, peering.clockOffsetMs);
  // Only an answer that knows us takes it back: silence, or "too many tries", says nothing.
  if (session.endpoint.failures === 0) session.disownedSinceMs = undefined;
  else if (isDisowned(session)) session.disownedSinceMs ??= clock.now();
  // Strangers may ask ten times a minute: who is not known there does not hurry.
  const good = (session.api.failures === 0 && session.endpoint.failures === 0) || isDisowned(session);
  session.lookedAtMs = clock.now();
  session.nextLookAtMs = clock.now() + (good ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
}

/** @throws PeeringError, also where the time was over before all addresses were tried */
async function askEndpoint(
  peering: PeeringClient,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<InfoAnswer> {
  try {
    return await peering.info(signal);
  } catch (cause) {
    if (!(cause instanceof DOMException && cause.name === 'TimeoutError')) throw cause;
    const facts = { attempted: 'show our key to the peer', why: `no answer within ${PROBE_TIMEOUT_MS / 1000} s` };
    const where = addresses.map((address) => `${address} (TCP)`);
    const each = where.map((one) => new PeeringError('PeerUnreachable', { ...facts, where: one }, { cause }));
    const together = { ...facts, where: where.join(', ') };
    throw each[1] === undefined
      ? each[0]
      : new PeeringError('PeerUnreachable', together, { cause: new AggregateError(each) });
  }
}

/** A Date header is cut to a second, and its way takes a while: less than this is no other offset, and not written. */
const OFFSET_STEP_SECONDS = 3;

function steadyOffset(before: number | undefined, measuredMs: number | undefined): number | undefined {
  if (measuredMs === undefined) return before;
  const seconds = Math.round(measuredMs / 1000);
  if (before === undefined && Math.abs(seconds) < OFFSET_STEP_SECONDS) return 0;
  return before !== undefined && Math.abs(seconds - before) < OFFSET_STEP_SECONDS ? before : seconds;
}

/** Whether the peer has just said, under its key, that it does not know us. */
export function isDisowned(session: ConsumerSession): boolean {
  return isPeeringError(session.endpoint.error, 'NotPeered');
}

/** Whether the peering endpoint shows another key than the pinned one, as far as we know. */
export function hasChangedIdentity(session: ConsumerSession): boolean {
  return isPeeringError(session.endpoint.error, 'IdentityChanged');
}

/**
 * Mends what the last look has shown: stops all traffic to a changed identity, follows a peer that has moved, renews the token
 * in time, and after a failure asks for new credentials or takes the other path.
 */
export async function mend(
  deps: ConsumerDeps,
  peer: Peer,
  credentials: PeerCredentials,
  provider: PeerCluster | undefined,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<void> {
  const suspended = hasChangedIdentity(session);
  // Lifted only by the right key; a silent endpoint proves nothing.
  if (suspended !== credentials.suspended && (suspended || session.endpoint.failures === 0)) {
    await writeCredentials(deps.home, { ...credentials, suspended }, signal);
  }
  if (suspended || credentials.suspended) return;
  if (await followRecord(deps, credentials, session, signal)) return;
  if (provider === undefined) return;
  if (session.api.failures === 0) {
    succeeded(session.recovering);
    await renewInTime(deps, credentials, provider, session, signal);
  } else if (!isDisowned(session) && deps.clock.now() >= session.recovering.notBeforeMs) {
    await recover(deps, peer, credentials, session, signal);
  }
}

async function renewInTime(
  deps: ConsumerDeps,
  credentials: PeerCredentials,
  provider: PeerCluster,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = deps;
  if (renewInMs(credentials, clock.wall()) > 0 || clock.now() < session.renewing.notBeforeMs) return;
  try {
    await renewToken(
      deps,
      provider.cluster.client,
      credentials,
      AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]),
    );
    succeeded(session.renewing);
  } catch (error) {
    signal.throwIfAborted();
    failed(session.renewing, error, clock);
    deps.log.warn(
      { peer: credentials.peer, error: String(error) },
      'the token of a peer could not be renewed; tried again before it ends',
    );
  }
}

async function recover(
  deps: ConsumerDeps,
  peer: Peer,
  credentials: PeerCredentials,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<void> {
  try {
    await recoverCredentials(deps, peer, session, credentials, signal);
    session.recovering.error = undefined;
  } catch (error) {
    signal.throwIfAborted();
    session.recovering.error = error;
    if (isPeeringError(error, 'PeerUnreachable')) await switchPath(deps, peer, credentials, signal);
  }
  // Success is what the next look sees, not that the provider has answered: until then each try waits longer.
  session.recovering.notBeforeMs = deps.clock.now() + session.recovering.backoff.next();
  session.nextLookAtMs = deps.clock.now() + 250;
}
