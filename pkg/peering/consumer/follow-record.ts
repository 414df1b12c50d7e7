import { peeringClient } from '../client/peering-client.ts';
import { isPeeringError } from '../errors.ts';
import type { ConsumerDeps } from './obtain.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import { type ConsumerSession, failed, succeeded } from './session.ts';
import { writeCredentials } from './store.ts';

/** One failure is no verdict. */
const FAILURES = 2;
/** Tried at one time. Anybody on the link can name addresses for the key of a peer: few of them, and only in an emergency. */
const MAX_TRIED = 8;
const TRY_MS = 4_000;
/** As many as credentials hold. */
const MAX_ADDRESSES = 16;

/**
 * Finds a peer whose peering endpoint has moved: where no known address of it answers, those that discovery names for its
 * key are tried, all at once. The one that proves the pinned key becomes the first of its addresses; others are forgotten.
 * @returns whether it was found, and its credentials were written
 */
export async function followRecord(
  deps: ConsumerDeps,
  credentials: PeerCredentials,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<boolean> {
  const { endpoint, following } = session;
  if (endpoint.failures < FAILURES || !isPeeringError(endpoint.error, 'PeerUnreachable')) return false;
  if (deps.clock.now() < following.notBeforeMs) return false;
  const recorded = deps.recorded?.(credentials.fingerprint) ?? [];
  const fresh = recorded.filter((address) => !credentials.addresses.includes(address)).slice(0, MAX_TRIED);
  if (fresh.length === 0) return false;
  let found: string;
  try {
    found = await Promise.any(fresh.map((address) => proves(deps, credentials, address, signal)));
  } catch (error) {
    signal.throwIfAborted();
    failed(following, error, deps.clock);
    return false;
  }
  const addresses = [found, ...credentials.addresses].slice(0, MAX_ADDRESSES);
  await writeCredentials(deps.home, { ...credentials, addresses }, signal);
  deps.log.info({ peer: credentials.peer, address: found }, 'the peer has moved; a record of discovery led to it');
  succeeded(following);
  session.nextLookAtMs = deps.clock.now();
  return true;
}

/** @returns the address, if the peer is there. @throws PeeringError where it is not */
async function proves(
  { identity, version }: ConsumerDeps,
  { fingerprint }: PeerCredentials,
  address: string,
  signal: AbortSignal,
): Promise<string> {
  await using peering = peeringClient({ identity, version, fingerprint, addresses: [address] });
  await peering.info(AbortSignal.any([signal, AbortSignal.timeout(TRY_MS)]));
  return address;
}
