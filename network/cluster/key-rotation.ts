import { ANNOTATION, type ClusterNetwork, isConditionTrue, type Peer } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import type { Log } from '#pkg/runtime';
import { ensureGatewayKeys, type GatewayKeys, prepareNextKey, useNextKey } from './gateway-key.ts';

/**
 * Longest that a peer whose tunnel stands is waited for: it may be of a version that does not know of next keys. It is told
 * the new key all the same, and its tunnel is away until it has heard of it.
 */
const PATIENCE_MS = 2 * 60_000;

/** How often to look again while peers prepare. */
export const ROTATION_RECHECK_MS = 500;

export interface RotationFacts {
  /** Value of the annotation on the ClusterNetwork: a new one asks for a new key. */
  readonly wish: string | undefined;
  readonly keys: GatewayKeys;
  readonly peers: readonly Peer[];
  readonly now: Date;
}

/** What to do about the gateway's key. `awaited`: peers that have not said yet that they know the next one. */
export type RotationStep =
  | { readonly do: 'nothing' | 'prepare' }
  | { readonly do: 'wait' | 'use'; readonly awaited: readonly string[] };

/**
 * The next step of a rotation (NET-26). WireGuard holds one key at a time, and a peer takes packets of one range from one key,
 * so both sides cannot overlap; instead the peers' gateways hold the next key before it is used, and move the ranges to it
 * with its first handshake. Pure; all that it knows is in the Secret and the Peers, so a restart goes on where it was.
 */
export function decideRotation({ wish, keys, peers, now }: RotationFacts): RotationStep {
  const { nextPublicKey, nextSince, rotatedFor } = keys;
  if (nextPublicKey === undefined) return { do: wish === undefined || wish === rotatedFor ? 'nothing' : 'prepare' };
  const awaited = peers
    .filter(({ metadata, status }) => {
      if (metadata.deletionTimestamp !== undefined || !isConditionTrue(status?.conditions, 'NetworkReady'))
        return false;
      return status?.network?.acceptedKey !== nextPublicKey;
    })
    .map(({ metadata }) => metadata.name);
  const isLate = now.getTime() - (nextSince?.getTime() ?? 0) > PATIENCE_MS;
  return { do: awaited.length === 0 || isLate ? 'use' : 'wait', awaited };
}

export interface RotationDeps {
  readonly client: KubeClient;
  readonly peers: { list(): readonly Peer[] };
  readonly log: Log;
}

/** Does the next step. @returns the keys after it, and whether to look again soon @throws KubeError, WireguardError */
export async function rotateKeys(
  { client, peers, log }: RotationDeps,
  { metadata }: ClusterNetwork,
  now: Date,
  signal: AbortSignal,
): Promise<{ readonly keys: GatewayKeys; readonly isUnderWay: boolean }> {
  const keys = await ensureGatewayKeys(client, signal);
  const wish = metadata.annotations?.[ANNOTATION.rotateGatewayKey];
  const step = decideRotation({ wish, keys, peers: peers.list(), now });
  if (step.do === 'prepare' && wish !== undefined) {
    log.info({ wish }, 'a new key of the gateway is made, and peers are told of it');
    return { keys: await prepareNextKey(client, keys, { wish, now }, signal), isUnderWay: true };
  }
  if (step.do === 'use') {
    log.info({ unprepared: step.awaited }, 'the gateway uses its new key');
    return { keys: await useNextKey(client, keys, signal), isUnderWay: false };
  }
  return { keys, isUnderWay: step.do === 'wait' };
}
