import { isAboutRanges, writeNetworkReady } from '#network/link';
import type { ProbeState } from '#network/probe';
import type { PeerState } from '#network/wireguard';
import { type ConditionUpdate, getCondition, PEER, type Peer, type PeerTunnel, typeMeta } from '#pkg/api';
import { isNotFound, type KubeClient } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import type { TunnelPeer, Unusable } from './plan-peers.ts';

const FIELD_MANAGER = 'tombolo-gateway';

/** Values that drift a little are written again only after this. */
const REFRESH_MS = 60_000;

export interface PeerReport {
  /** Absent: none is set. */
  readonly condition?: ConditionUpdate;
  readonly tunnel: PeerTunnel;
}

/** What the gateway knows of the way to a peer. */
export interface PathFacts {
  /** Where it is dialled: ADDRESS:PORT. */
  readonly dialled?: string | undefined;
  /** A name that was told, and that has no address here. */
  readonly unresolved?: string | undefined;
  /** Our end of the way, in words. */
  readonly from?: string | undefined;
  /** The largest packet that passes. */
  readonly mtuBytes?: number | undefined;
  /** The largest one that devices at our end carry. */
  readonly ownMtuBytes?: number | undefined;
  /** The next key of the peer, once the device holds it. */
  readonly acceptedKey?: string | undefined;
}

/** What is to be said of a peer with which a tunnel can stand. Pure. */
export function reportOf(
  peer: TunnelPeer,
  probe: ProbeState | undefined,
  device: PeerState | undefined,
  facts: PathFacts,
): Required<PeerReport> {
  const { dialled, mtuBytes, ownMtuBytes, acceptedKey } = facts;
  const endpoint = device?.endpoint ?? dialled;
  const roundTrip = probe?.smoothedRoundTripMs;
  return {
    condition: conditionOf(peer, probe, device, facts),
    tunnel: {
      ...(endpoint !== undefined && { endpoint }),
      ...(device?.lastHandshakeAt !== undefined && { lastHandshakeAt: secondsOf(device.lastHandshakeAt) }),
      ...(roundTrip !== undefined && { roundTripMilliseconds: Math.round(roundTrip * 100) / 100 }),
      ...(probe !== undefined && { lossPercent: Math.round(probe.loss * 100) }),
      ...(mtuBytes !== undefined && { mtuBytes }),
      ...(ownMtuBytes !== undefined && { ownMtuBytes }),
      ...(acceptedKey !== undefined && { acceptedKey }),
    },
  };
}

function conditionOf(
  peer: TunnelPeer,
  probe: ProbeState | undefined,
  device: PeerState | undefined,
  { dialled, unresolved, from = 'our gateway' }: PathFacts,
): ConditionUpdate {
  const say = (status: 'True' | 'False' | 'Unknown', reason: string, message: string): ConditionUpdate => ({
    type: 'NetworkReady',
    status,
    reason,
    message,
  });
  if (peer.probeAddress === undefined) {
    return say('False', 'NoProbeAddress', 'the peer has not told the address of its gateway inside the tunnel');
  }
  if (probe?.state === 'up') return say('True', 'TunnelUp', 'its gateway answers through the tunnel');
  const where = dialled ?? device?.endpoint;
  if (unresolved !== undefined && (where === undefined || peer.endpoints.length === 1)) {
    const stale = where === undefined ? '' : `, and what answered by that name before, ${where} (UDP), is silent`;
    const message = `no tunnel: the name ${unresolved} of its gateway has no address for ${from}${stale}; look at that record, and at the name servers of this cluster`;
    return say('False', 'NameNotResolved', message);
  }
  if (where === undefined) {
    const why = 'it has told no address that can be dialled, and has not dialled us';
    return say(
      'False',
      'NotDialled',
      `no tunnel: ${why}; look whether its gateway can reach an address of ours by UDP`,
    );
  }
  const handshake =
    device?.lastHandshakeAt === undefined ? 'there was no handshake yet' : 'there was a handshake before';
  if (probe?.state === 'unknown' || probe === undefined) {
    return say('Unknown', 'Connecting', `its gateway is dialled at ${where} (UDP)`);
  }
  return say(
    'False',
    'NoAnswer',
    `its gateway does not answer ${from} at ${where} (UDP; ${handshake}): look whether it runs and whether that port is open on the way`,
  );
}

export function unusableReport({ reason, message }: Unusable): PeerReport {
  // What is not wanted is no fault, and who agreed that has taken the condition away.
  if (reason === 'NoTunnel') return { tunnel: {} };
  return { condition: { type: 'NetworkReady', status: 'False', reason, message }, tunnel: {} };
}

/** Writes reports into the status of Peers, and only what changed. */
export class Reporter {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #writtenMs = new Map<string, number>();
  readonly #saidMs = new Map<string, number>();

  constructor(client: KubeClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async report(peer: Peer, { condition, tunnel }: PeerReport, signal: AbortSignal): Promise<void> {
    const { name, uid } = peer.metadata;
    const standing = getCondition(peer.status?.conditions, 'NetworkReady');
    // The message alone is written once a minute: it names an endpoint, which may change often.
    const saidAge = this.#clock.now() - (this.#saidMs.get(name) ?? -Infinity);
    const isSaid =
      condition === undefined ||
      (standing?.status === condition.status &&
        standing.reason === condition.reason &&
        (standing.message === condition.message || saidAge < REFRESH_MS));
    if (!isSaid && !isAboutRanges(standing)) {
      await writeNetworkReady(this.#client, peer, condition, this.#clock.wall(), signal);
      this.#saidMs.set(name, this.#clock.now());
    }
    const age = this.#clock.now() - (this.#writtenMs.get(name) ?? -Infinity);
    const before = peer.status?.tunnel ?? {};
    if (JSON.stringify(before) === JSON.stringify(tunnel) || (isAlike(before, tunnel) && age < REFRESH_MS)) return;
    // An empty object in the place of what stood would be taken for null, and refused.
    const status = Object.keys(tunnel).length === 0 ? {} : { tunnel };
    const body = { ...typeMeta(PEER), metadata: { name, ...(uid !== undefined && { uid }) }, status };
    const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
    try {
      await this.#client.apply<Peer>(PEER, body, options);
      this.#writtenMs.set(name, this.#clock.now());
    } catch (error) {
      if (!isNotFound(error)) throw error; // a Peer that is gone needs no status
    }
  }

  /** Peers that are gone leave nothing behind. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const times of [this.#writtenMs, this.#saidMs]) {
      for (const name of times.keys()) if (!names.has(name)) times.delete(name);
    }
  }
}

/** Near enough not to be written at once: the round trip within a fifth or half a millisecond, the loss within five points. */
function isAlike(a: PeerTunnel, b: PeerTunnel): boolean {
  const [x, y] = [a.roundTripMilliseconds, b.roundTripMilliseconds];
  if (
    a.acceptedKey !== b.acceptedKey ||
    a.mtuBytes !== b.mtuBytes ||
    a.ownMtuBytes !== b.ownMtuBytes ||
    a.endpoint !== b.endpoint ||
    (x === undefined) !== (y === undefined)
  )
    return false;
  if (Math.abs((a.lossPercent ?? 0) - (b.lossPercent ?? 0)) > 5) return false;
  const difference = Math.abs((x ?? 0) - (y ?? 0));
  return difference < 0.5 || difference < 0.2 * (x ?? 0);
}

function secondsOf(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
