import type { Peer } from '#pkg/api';
import type { KubeClient, Secret } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';
import { PeeringError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { type Fingerprint, parseFingerprint, shortFingerprint } from '../identity/fingerprint.ts';
import { type InviteToken, parseInvite } from '../invite/token.ts';
import type { CredentialsAnswer } from '../wire.ts';
import { choosePath } from './choose-path.ts';
import { type PeerCredentials, RELAY_ONLY_SERVER } from './peer-credentials.ts';
import type { ConsumerSession } from './session.ts';
import { deleteRedeemSecret, tokenOf, writeCredentials } from './store.ts';

export interface ConsumerDeps {
  readonly home: KubeClient;
  readonly identity: Identity;
  readonly clusterName: string;
  readonly version: string;
  /** `host:port` where this cluster's own peering endpoint can be dialled; told to the provider. */
  readonly addresses: () => readonly string[];
  /** `host:port` that records of discovery name for a key, and that may be dialled; a hint, best first. Default: none. */
  readonly recorded?: (fingerprint: Fingerprint) => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Gets the first credentials of a provider: by its invite where one waits in a Secret, else by our key alone (the
 * provider knows it already: the other direction stands, or the Secret with the credentials was lost).
 * Every part may be repeated; the invite's Secret goes last.
 */
export async function obtainCredentials(
  deps: ConsumerDeps,
  peer: Peer,
  session: ConsumerSession,
  invite: Secret | undefined,
  signal: AbortSignal,
): Promise<void> {
  const target = targetOf(peer, invite, deps.clock.wall());
  const peering = session.peering(target.addresses, target.fingerprint);
  const answer =
    target.token === undefined
      ? await peering.credentials(signal)
      : await peering.redeem(
          {
            invite: target.token.invite,
            secret: target.token.secret,
            clusterName: deps.clusterName,
            addresses: [...deps.addresses()].slice(0, 16),
            version: deps.version,
          },
          signal,
        );
  await storeAnswer(deps, peer, target, answer, signal);
  if (invite !== undefined) await deleteRedeemSecret(deps.home, peer.metadata.name, signal);
}

/** New credentials by our key, after those that we had stopped working; also follows a new server, CA or path. */
export async function recoverCredentials(
  deps: ConsumerDeps,
  peer: Peer,
  session: ConsumerSession,
  old: PeerCredentials,
  signal: AbortSignal,
): Promise<void> {
  const answer = await session.peering(old.addresses, old.fingerprint).credentials(signal);
  await storeAnswer(deps, peer, old, answer, signal);
}

/** Tries the known paths again with the credentials that we have; writes only where another path answers. */
export async function switchPath(
  deps: ConsumerDeps,
  peer: Peer,
  old: PeerCredentials,
  signal: AbortSignal,
): Promise<void> {
  const { credentials, failure } = await choosePath(deps, old, peer.spec.api?.mode, signal);
  const same = credentials.path === old.path && credentials.server === old.server;
  if (failure === undefined && !same) await writeCredentials(deps.home, credentials, signal);
}

interface Target {
  readonly addresses: readonly string[];
  readonly fingerprint: Fingerprint;
  readonly token?: InviteToken;
}

/** Peer and invite must name the same key; where both name addresses, the Peer's admin has the last word. */
function targetOf(peer: Peer, invite: Secret | undefined, now: Date): Target {
  const name = peer.metadata.name;
  const token = invite === undefined ? undefined : parseInvite(tokenOf(invite), { now });
  const pinned = parseFingerprint(peer.spec.fingerprint);
  if (token !== undefined && pinned !== undefined && token.fingerprint !== pinned) {
    const why = `the invite names key ${shortFingerprint(token.fingerprint)}, the Peer ${shortFingerprint(pinned)}`;
    throw new PeeringError('IdentityChanged', { attempted: 'redeem the invite', where: `Peer ${name}`, why });
  }
  const fingerprint = pinned ?? token?.fingerprint;
  if (fingerprint === undefined) {
    const why = 'neither the Peer nor an invite names the key of that cluster';
    throw new PeeringError('InviteUnknown', { attempted: `peer with ${name}`, where: `Peer ${name}`, why });
  }
  const addresses = peer.spec.addresses ?? token?.addresses ?? [];
  return { addresses, fingerprint, ...(token === undefined ? {} : { token }) };
}

async function storeAnswer(
  deps: ConsumerDeps,
  peer: Peer,
  target: { addresses: readonly string[]; fingerprint: Fingerprint },
  answer: CredentialsAnswer,
  signal: AbortSignal,
): Promise<void> {
  const { nameThere, tenantNamespace, api, token, lifetimeSeconds, cluster } = answer;
  const offered: PeerCredentials = {
    peer: peer.metadata.name,
    origin: nameThere,
    tenantNamespace,
    path: api.servers.length > 0 ? 'Direct' : 'Relay',
    server: api.servers[0] ?? RELAY_ONLY_SERVER,
    servers: api.servers,
    relayAllowed: api.relay,
    caPem: api.caPem,
    token,
    expiresAt: new Date(deps.clock.wall().getTime() + lifetimeSeconds * 1000),
    lifetimeSeconds,
    // The peer's own word comes after what the admin or the invite said: those were reached from here.
    addresses: [...new Set([...target.addresses, ...cluster.addresses])].slice(0, 16),
    fingerprint: target.fingerprint,
    suspended: false,
  };
  const { credentials, failure } = await choosePath(deps, offered, peer.spec.api?.mode, signal);
  if (failure !== undefined)
    deps.log.warn(
      { peer: peer.metadata.name, error: String(failure) },
      'no path to the API server of the peer works yet',
    );
  await writeCredentials(deps.home, credentials, signal);
}
