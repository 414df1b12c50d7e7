import { INVITE, type Invite, SYSTEM_NAMESPACE } from '#pkg/api';
import { KubeError } from '#pkg/kube';
import { PeeringError } from '../errors.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import { isSecretOf } from '../invite/token.ts';
import { findByFingerprint } from '../peer-view.ts';
import type { CredentialsAnswer, RedeemRequest } from '../wire.ts';
import { ensureConsumerPeer } from './consumer-peer.ts';
import { issueCredentials } from './credentials.ts';
import type { ProviderDeps } from './options.ts';

/**
 * Trades an invite for a peering: marks the invite as used by this key, makes the Peer (or adds the role to the one that
 * this key has already, PEER-17) and everything behind it. Safe to repeat at any point: the key that used an invite may
 * use it again until it ends (PEER-02).
 * @param consumer the key that the caller has proven to hold
 * @throws PeeringError `InviteUnknown` (not saying which part is wrong), `InviteUsed`, `InviteExpired`, `OwnCluster`,
 *   `PeerBusy`
 */
export async function redeem(
  deps: ProviderDeps,
  request: RedeemRequest,
  consumer: Fingerprint,
  signal: AbortSignal,
): Promise<CredentialsAnswer> {
  const invite = await useInvite(deps, request, consumer, signal);
  const wish = { ...request, fingerprint: consumer, limits: invite.spec.limits, attempted: 'redeem the invite' };
  const peer = await ensureConsumerPeer(deps.client, wish, signal);
  await noteOnInvite(deps, invite.metadata.name, peer.metadata.name, signal);
  return issueCredentials(deps, peer, signal);
}

const MAX_TRIES = 3;

async function useInvite(
  deps: ProviderDeps,
  request: RedeemRequest,
  consumer: Fingerprint,
  signal: AbortSignal,
): Promise<Invite> {
  const { client, clock, identity, options } = deps;
  const ref = { namespace: SYSTEM_NAMESPACE, name: request.invite };
  const refuse = (code: 'InviteUnknown' | 'InviteUsed' | 'InviteExpired' | 'PeerBusy' | 'OwnCluster', why: string) =>
    new PeeringError(code, { attempted: 'redeem the invite', where: options.clusterName, why });
  for (let tries = 1; ; tries++) {
    const invite = await client.get<Invite>(INVITE, ref, { signal }).catch((error: unknown) => {
      if (error instanceof KubeError && (error.isNotFound || error.isInvalid)) return undefined;
      throw error;
    });
    // One answer for both, so that guessing tells nothing (PEER-05).
    if (invite === undefined || !isSecretOf(request.secret, invite.spec.secretHash)) {
      throw refuse('InviteUnknown', 'the invite is not known there: it was revoked, or it is not genuine');
    }
    const user = invite.status?.redeemedBy;
    if (user !== undefined && user !== consumer) throw refuse('InviteUsed', 'it was used by another cluster');
    if (clock.wall().getTime() >= Date.parse(invite.spec.expiresAt)) {
      throw refuse('InviteExpired', `the invite expired at ${invite.spec.expiresAt}`);
    }
    // Before the invite is spent: its own cluster may peer with itself only under a name that it has chosen (PEER-14).
    if (consumer === identity.fingerprint && (await findByFingerprint(client, consumer, signal)) === undefined) {
      throw refuse('OwnCluster', 'it comes from this same cluster');
    }
    if (user === consumer) return invite;
    const status = { ...invite.status, redeemedBy: consumer, redeemedAt: clock.wall().toISOString() };
    try {
      return await client.replace<Invite>(INVITE, { ...invite, status }, { subresource: 'status', signal });
    } catch (error) {
      // Somebody else was faster; what it was shows when the invite is read again.
      if (!(error instanceof KubeError && error.isConflict)) throw error;
      if (tries === MAX_TRIES) throw refuse('PeerBusy', 'the invite is being used at this moment');
    }
  }
}

/** So that `tombolo invite list` can say who used it. */
async function noteOnInvite(deps: ProviderDeps, invite: string, peer: string, signal: AbortSignal): Promise<void> {
  const ref = { namespace: SYSTEM_NAMESPACE, name: invite };
  try {
    await deps.client.patch<Invite>(
      INVITE,
      ref,
      { status: { peer } },
      { type: 'merge', subresource: 'status', signal },
    );
  } catch (error) {
    // Revoked at this very moment, after it was used: the peering stands, and there is nothing left to write on.
    if (!(error instanceof KubeError && error.isNotFound)) throw error;
  }
}
