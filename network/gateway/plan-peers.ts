import { type Cidr, overlaps, readAddress } from '#network/cidr';
import { formatAlias, readAliases, translateAddress } from '#network/ipam';
import type { PeerNat } from '#network/nat';
import { parsePublicKey, type PublicKey } from '#network/wireguard';
import type { Peer } from '#pkg/api';

/** A peer with which a tunnel can stand. */
export interface TunnelPeer {
  readonly name: string;
  readonly publicKey: PublicKey;
  /** What will follow: to be known to the device before the peer uses it. */
  readonly nextPublicKey?: PublicKey;
  /** `host:port`, in the order to try; empty where only the peer can dial. */
  readonly endpoints: readonly string[];
  readonly nat: PeerNat;
  /** Its gateway, as we see it: where probes go. Absent: none is told, or no alias holds it. */
  readonly probeAddress?: string;
}

/** Why there is no tunnel to a peer. */
export interface Unusable {
  readonly name: string;
  readonly reason: 'NoTunnel' | 'NoGateway' | 'NoAlias' | 'KeyInvalid' | 'KeyTaken' | 'AliasTaken';
  readonly message: string;
}

/**
 * Which peers take part. A device holds each key and each range once, so what two Peers claim stays with the first by
 * name: one that is wrong must not take the others' tunnels along.
 */
export function planPeers(
  peers: readonly Peer[],
  ownKey: PublicKey,
): { readonly usable: TunnelPeer[]; readonly unusable: Unusable[] } {
  const usable: TunnelPeer[] = [];
  const unusable: Unusable[] = [];
  const keys = new Map<PublicKey, string>([[ownKey, 'this cluster']]);
  const taken: Cidr[] = [];
  for (const peer of peers.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const { name } = peer.metadata;
    const network = peer.status?.network ?? {};
    const {
      publicKey: text,
      nextPublicKey: nextText,
      endpoints = [],
      aliases = [],
      ourAliases = [],
      gatewayAddress = '',
      homeApiAddress = '',
    } = network;
    const refuse = (reason: Unusable['reason'], message: string) => void unusable.push({ name, reason, message });
    const pairs = readAliases(aliases);
    const ranges = pairs.map(({ alias }) => alias);
    const key = text === undefined ? undefined : readKey(text);
    const holder = key === undefined ? undefined : keys.get(key);
    const isTaken = ranges.some((range) => taken.some((other) => overlaps(range, other)));
    if (peer.metadata.deletionTimestamp !== undefined) continue;
    if (network.mode === 'None') refuse('NoTunnel', 'one side wants no tunnel');
    else if (text === undefined) refuse('NoGateway', 'the peer has told no key of a gateway yet');
    else if (key === undefined) refuse('KeyInvalid', 'what the peer told as key of its gateway is none');
    else if (holder !== undefined) refuse('KeyTaken', `the key of its gateway is that of ${holder} already`);
    else if (ranges.length === 0) refuse('NoAlias', 'no range of the peer has a place here yet');
    else if (isTaken) refuse('AliasTaken', 'one of its aliases is in use for another peer');
    else {
      keys.set(key, `peer ${name}`);
      taken.push(...ranges);
      const next = nextText === undefined ? undefined : readKey(nextText);
      // One that somebody has already is no loss: the peer is not followed so fast, and no more.
      const isNextFree = next !== undefined && !keys.has(next);
      if (isNextFree) keys.set(next, `peer ${name}`);
      const announced = readAliases(ourAliases).map(formatAlias);
      const probeAddress = translateAddress(gatewayAddress, pairs);
      usable.push({
        name,
        publicKey: key,
        ...(isNextFree && { nextPublicKey: next }),
        endpoints,
        nat: {
          name,
          ranges: pairs.map((pair) => formatAlias(pair).alias),
          announced,
          ...(readAddress(homeApiAddress) !== undefined && { homeApiAddress }),
          ...(isProviderOnly(peer) && { isProviderOnly: true }),
        },
        ...(probeAddress !== undefined && { probeAddress }),
      });
    }
  }
  return { usable, unusable };
}

function isProviderOnly({ spec: { roles } }: Peer): boolean {
  return roles.includes('Consume') && !roles.includes('Provide');
}

function readKey(text: string): PublicKey | undefined {
  try {
    return parsePublicKey(text);
  } catch {
    return undefined; // told by the peer: anything may stand there
  }
}
