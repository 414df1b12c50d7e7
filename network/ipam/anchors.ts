import { type Address, type Cidr, contains, formatAddress, formatCidr, readAddress } from '#network/cidr';
import { IpamError } from './errors.ts';

/** Prefix length of an IPv4 anchor range, chosen at install: 4,092 nodes. */
export const DEFAULT_ANCHOR_SIZE = 20;

export interface AnchorRequest {
  readonly anchorRange: Cidr;
  /** Names of all nodes that are there. */
  readonly nodes: readonly string[];
  /** Anchor of each node so far, as statuses hold them. What is no usable address of the range is given anew. */
  readonly taken: ReadonlyMap<string, string>;
}

export interface AnchorAllotment {
  /** Address for the home's API: the first usable one of the range. */
  readonly homeApi: string;
  /** One per node, except those in `failures`. */
  readonly anchors: ReadonlyMap<string, string>;
  /** Nodes without an anchor, each with `NoFreeAnchor`. */
  readonly failures: ReadonlyMap<string, IpamError>;
}

/**
 * The address for the home's API, first after the network address (in IPv6 the routers' anycast address, RFC 4291 section
 * 2.6.1).
 * @throws IpamError `RangeTooSmall` for a range of less than eight addresses, which leaves hardly one for a node
 */
export function homeApiAnchor(anchorRange: Cidr): string {
  return formatAddress({ family: anchorRange.family, value: bounds(anchorRange).first - 2n });
}

/**
 * The address of the gateway, which it keeps when another replica takes over: probes of peers end there, and routes of
 * nodes point there.
 * @throws IpamError `RangeTooSmall` as `homeApiAnchor`
 */
export function gatewayAnchor(anchorRange: Cidr): string {
  return formatAddress({ family: anchorRange.family, value: bounds(anchorRange).first - 1n });
}

/**
 * One stable address of the anchor range per node: who has one keeps it, a new node gets the lowest free one, that of a
 * node that is gone is free. Network and last address, `homeApiAnchor` and `gatewayAnchor` are kept out.
 * @throws IpamError `RangeTooSmall` as `homeApiAnchor`
 */
export function allotAnchors({ anchorRange, nodes, taken }: AnchorRequest): AnchorAllotment {
  const { first, last } = bounds(anchorRange);
  const { family } = anchorRange;
  const holders = new Map<bigint, string>();
  const names = [...new Set(nodes)].sort(); // by code units: two that claim one address are told apart the same each time
  const isUsable = (address: Address) =>
    contains(anchorRange, address) && first <= address.value && address.value <= last && !holders.has(address.value);

  const newcomers = names.filter((node) => {
    const address = readAddress(taken.get(node) ?? '');
    if (address === undefined || !isUsable(address)) return true;
    holders.set(address.value, node);
    return false;
  });

  const failures = new Map<string, IpamError>();
  let next = first; // passes each taken address once, so the search is as long as the list of nodes
  for (const node of newcomers) {
    while (holders.has(next)) next++;
    if (next <= last) holders.set(next, node);
    else failures.set(node, noFreeAnchor(node, anchorRange));
  }
  const anchors = [...holders].map(([value, node]) => [node, formatAddress({ family, value })] as const);
  return { homeApi: homeApiAnchor(anchorRange), anchors: new Map(anchors), failures };
}

/** First and last address for nodes. */
function bounds(anchorRange: Cidr): { first: bigint; last: bigint } {
  if (anchorRange.last - anchorRange.first < 7n)
    throw new IpamError('RangeTooSmall', {
      attempted: 'divide the anchor range',
      where: formatCidr(anchorRange),
      why: 'it has no address left for a node',
    });
  return { first: anchorRange.first + 3n, last: anchorRange.last - 1n };
}

function noFreeAnchor(node: string, anchorRange: Cidr): IpamError {
  return new IpamError('NoFreeAnchor', {
    attempted: 'find an anchor address',
    where: `node ${node}`,
    why: `all usable addresses of ${formatCidr(anchorRange)} are taken`,
  });
}
