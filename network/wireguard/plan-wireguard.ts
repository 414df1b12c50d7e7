import type { DeviceState, PeerState, WireguardConfig, WireguardPeer } from './config.ts';
import type { PublicKey, SecretKey } from './keys.ts';

export interface AllowedIpsChange {
  /** All that the peer shall hold: for tools that can only replace. */
  readonly all: readonly string[];
  /** What it does not hold yet. WireGuard takes them from the peer that holds them, in the same moment. */
  readonly added: readonly string[];
  /** True where it holds something that nobody shall have: the list then has to be replaced. */
  readonly replace: boolean;
}

export type PeerStep =
  | {
      readonly do: 'set';
      readonly publicKey: PublicKey;
      readonly isNew: boolean;
      /** `none` takes it away. */
      readonly presharedKey?: SecretKey | 'none';
      readonly endpoint?: string;
      readonly keepaliveSeconds?: number;
      readonly allowedIps?: AllowedIpsChange;
    }
  | { readonly do: 'remove'; readonly publicKey: PublicKey };

/** What has to be told to a device, and nothing else. Fields that are equal already are absent. */
export interface WireguardPlan {
  readonly privateKey?: SecretKey;
  readonly listenPort?: number;
  readonly firewallMark?: number;
  readonly steps: readonly PeerStep[];
}

/**
 * Differences that turn `actual` into `desired`. Pure and total. All of it fits into one call to the device.
 *
 * Peers that did not change are not named, so their sessions live on. An endpoint is set only where the wanted one
 * differs from the one that was configured last: a peer that has roamed keeps its place. New holders of a range come
 * before removals, so that a range never has no peer while it moves.
 */
export function planWireguard(desired: WireguardConfig, actual: DeviceState): WireguardPlan {
  const standing = new Map(actual.peers.map((peer) => [peer.publicKey, peer]));
  const wanted = new Set(desired.peers.map((peer) => peer.publicKey));
  const taken = new Set(desired.peers.flatMap((peer) => peer.allowedIps));
  const changed = desired.peers.flatMap((peer) => setStep(peer, standing.get(peer.publicKey), taken) ?? []);
  const surplus = actual.peers.filter((peer) => !wanted.has(peer.publicKey));
  const mark = desired.firewallMark ?? 0;
  return {
    ...(desired.privateKey.equals(actual.privateKey) ? {} : { privateKey: desired.privateKey }),
    ...(desired.listenPort === actual.listenPort ? {} : { listenPort: desired.listenPort }),
    ...(mark === actual.firewallMark ? {} : { firewallMark: mark }),
    steps: [...changed, ...surplus.map(({ publicKey }) => ({ do: 'remove', publicKey }) as const)],
  };
}

export function isEmptyPlan(plan: WireguardPlan): boolean {
  const { privateKey, listenPort, firewallMark, steps } = plan;
  return privateKey === undefined && listenPort === undefined && firewallMark === undefined && steps.length === 0;
}

/**
 * Ends the session of one peer: removed and added again as it stood, in one call, so that this side begins a handshake
 * with its next packet instead of after WireGuard's own 15 s. `endpoint`: where to dial; absent: where it was seen last.
 */
export function planSessionReset(peer: PeerState, endpoint: string | undefined = peer.endpoint): WireguardPlan {
  const { publicKey, presharedKey, keepaliveSeconds, allowedIps } = peer;
  return {
    steps: [
      { do: 'remove', publicKey },
      {
        do: 'set',
        publicKey,
        isNew: true,
        ...(presharedKey === undefined ? {} : { presharedKey }),
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(keepaliveSeconds === 0 ? {} : { keepaliveSeconds }),
        allowedIps: { all: allowedIps, added: allowedIps, replace: false },
      },
    ],
  };
}

function setStep(peer: WireguardPeer, actual: PeerState | undefined, taken: ReadonlySet<string>): PeerStep | undefined {
  const { publicKey, keepaliveSeconds = 0 } = peer;
  const changes = {
    ...presharedKeyChange(peer, actual),
    ...endpointChange(peer, actual),
    ...(keepaliveSeconds === (actual?.keepaliveSeconds ?? 0) ? {} : { keepaliveSeconds }),
    ...allowedIpsChange(peer, actual, taken),
  };
  if (actual !== undefined && Object.keys(changes).length === 0) return undefined;
  return { do: 'set', publicKey, isNew: actual === undefined, ...changes };
}

function presharedKeyChange({ presharedKey }: WireguardPeer, actual: PeerState | undefined) {
  if (presharedKey === undefined) return actual?.presharedKey === undefined ? {} : { presharedKey: 'none' as const };
  return presharedKey.equals(actual?.presharedKey) ? {} : { presharedKey };
}

function endpointChange({ endpoint }: WireguardPeer, actual: PeerState | undefined) {
  // A device cannot forget an endpoint; a peer that has none any more is found by its next packet.
  if (endpoint === undefined || endpoint === (actual?.configuredEndpoint ?? actual?.endpoint)) {
    // Configured, and gone nevertheless: somebody removed and added the peer by hand.
    return endpoint !== undefined && actual?.endpoint === undefined ? { endpoint } : {};
  }
  return { endpoint };
}

function allowedIpsChange({ allowedIps }: WireguardPeer, actual: PeerState | undefined, taken: ReadonlySet<string>) {
  const held = new Set(actual?.allowedIps);
  const all = new Set(allowedIps);
  const added = allowedIps.filter((range) => !held.has(range));
  // What goes to another peer is taken away by adding it there.
  const replace = [...held].some((range) => !all.has(range) && !taken.has(range));
  return added.length === 0 && !replace ? {} : { allowedIps: { all: allowedIps, added, replace } };
}
