import { AGENT_COUNTERS as COUNTERS } from './counter-names.ts';
import {
  addressSet,
  chain,
  counter,
  device,
  drop,
  endpointSet,
  FAMILIES,
  type Family,
  only,
  onlyPorts,
  openRangeSet,
  rangeSet,
  safeName,
  suffix,
  tableText,
} from './nft-text.ts';

/** Name of the table: it is loaded, and goes, apart from the rules of the way to the gateway. */
export const ISOLATION_TABLE = 'tombolo-isolation';

/** Keeps twins apart from whatever else is in the cluster that runs them (NET-39). Changes with peers, never with pods. */
export interface IsolationState {
  /** By which packets of other clusters come and go. */
  readonly overlayDevice: string;
  /** Ranges of which everything belongs to somebody in this cluster: pods, anchors, peers as we see them. */
  readonly inside: readonly string[];
  /** Ranges of nodes: closed to twins. Machines there that are no nodes come in as the world does, by node ports. */
  readonly nodeRanges: readonly string[];
  /** Ranges in which nodes serve names for their own pods: of Services, and link-local ones. */
  readonly localNames: readonly string[];
  /** Consumers that may have twins here. */
  readonly tenants: readonly {
    readonly name: string;
    /** How we see the ranges of its own cluster. */
    readonly home: readonly string[];
  }[];
}

/** A port that may be opened: `ADDRESS . PROTOCOL . PORT`, as nft writes it. */
export type OpenPort = `${string} . ${'tcp' | 'udp' | 'sctp'} . ${number}`;

/** What comes and goes with pods, nodes and Services: elements of sets that the text of the table leaves empty. */
export interface IsolationMembers {
  /** By tenant: addresses of its pods in the whole cluster, and what the provider offers it. */
  readonly tenants: ReadonlyMap<string, { readonly pods: readonly string[]; readonly offered: readonly OpenPort[] }>;
  /** Those pods of twins that run on this node. */
  readonly here: readonly string[];
  /** Names and API of this cluster: for every twin. */
  readonly services: readonly OpenPort[];
  /** Addresses of all nodes. */
  readonly nodes: readonly string[];
  /** Address of the gateway: it says of packets of any pod that they go no further. */
  readonly gateways: readonly string[];
  /** Pod ranges of this node while it starts pods of twins of which no address is known yet; else nothing. */
  readonly unsettled: readonly string[];
  /** Addresses in those ranges that are known to be of no twin. */
  readonly known: readonly string[];
}

/**
 * The table as text for `nft -f -`. Pure.
 *
 * Only the direction in which a connection was opened is judged, but at each of its packets: so what is closed ends at
 * once, and answers of an offered Service need no rule. Destination NAT is done by then, and addresses of senders are
 * still their own.
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function renderIsolationTable(state: IsolationState): string {
  const counters = [COUNTERS.twinOut, COUNTERS.twinIn, COUNTERS.twinToNode, COUNTERS.nodeToTwin];
  return tableText(ISOLATION_TABLE, [
    ...counters.map(counter),
    ...FAMILIES.flatMap((family) => [...isolationSetBlocks(state, family), ...chains(state, family)]),
    hook('forward', (family, n) => [
      `${family} saddr @twins${n} goto twin_out${n}`,
      `${family} daddr @twins${n} goto twin_in${n}`,
      // Of a pod that is so new that nobody knows whose it is.
      `${family} saddr @unsettled${n} ${family} saddr != @known${n} goto twin_out${n}`,
      `${family} daddr @unsettled${n} ${family} daddr != @known${n} goto twin_in${n}`,
    ]),
    hook('input', (family, n) => [
      `${family} saddr @twins${n} goto twin_to_node${n}`,
      `${family} saddr @unsettled${n} ${family} saddr != @known${n} goto twin_to_node${n}`,
    ]),
    // The kubelet of a pod's own node probes it. What passes through a node is judged where it came in.
    hook('output', (family, n) => [
      `${family} daddr @twins${n} ${family} daddr != @here${n} ${drop(COUNTERS.nodeToTwin)}`,
    ]),
  ]);
}

/**
 * Elements of the sets of {@link renderIsolationTable}, by name of the set.
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function isolationSets({ tenants }: IsolationState, members: IsolationMembers): Map<string, readonly string[]> {
  const all = [...members.tenants.values()];
  return new Map(
    FAMILIES.flatMap((family): [string, readonly string[]][] => {
      const n = suffix(family);
      return [
        [
          `twins${n}`,
          only(
            family,
            all.flatMap(({ pods }) => pods),
          ),
        ],
        [`here${n}`, only(family, members.here)],
        [`nodes${n}`, only(family, members.nodes)],
        [`gateways${n}`, only(family, members.gateways)],
        [`services${n}`, onlyPorts(family, members.services)],
        [`unsettled${n}`, only(family, members.unsettled)],
        [`known${n}`, only(family, members.known)],
        ...tenants.flatMap(({ name }): [string, readonly string[]][] => {
          const { pods = [], offered = [] } = members.tenants.get(name) ?? {};
          return [
            [`twin_${safeName(name)}${n}`, only(family, pods)],
            [`offered_${safeName(name)}${n}`, onlyPorts(family, offered)],
          ];
        }),
      ];
    }),
  );
}

/** Declarations of the sets that {@link isolationSets} fills, and of those that stand in the text. */
export function isolationSetBlocks({ inside, nodeRanges, tenants }: IsolationState, family: Family): string[] {
  const n = suffix(family);
  return [
    ...['twins', 'here', 'nodes', 'gateways', 'known'].map((name) => addressSet(`${name}${n}`, family)),
    openRangeSet(`unsettled${n}`, family),
    endpointSet(`services${n}`, family),
    rangeSet(`inside${n}`, family, only(family, inside)),
    rangeSet(`around${n}`, family, only(family, nodeRanges)),
    ...tenants.flatMap(({ name, home }) => [
      addressSet(`twin_${safeName(name)}${n}`, family),
      endpointSet(`offered_${safeName(name)}${n}`, family),
      rangeSet(`home_${safeName(name)}${n}`, family, only(family, home)),
    ]),
  ];
}

/** The last line of a chain that ends without a verdict lets pass: the way leads out of the cluster, or in. */
function chains({ overlayDevice, localNames, tenants }: IsolationState, family: Family): string[] {
  const n = suffix(family);
  const destination = `${family} daddr . meta l4proto . th dport`;
  const names = only(family, localNames).map(
    (range) => `${family} daddr ${range} meta l4proto { tcp, udp } th dport 53 accept`,
  );
  return [
    ...tenants.map(({ name }) =>
      chain(`out_${safeName(name)}${n}`, [
        `${family} daddr @twin_${safeName(name)}${n} accept`,
        `${family} daddr @home_${safeName(name)}${n} accept`,
        `${destination} @offered_${safeName(name)}${n} accept`,
      ]),
    ),
    chain(`twin_out${n}`, [
      ...tenants.map(({ name }) => `${family} saddr @twin_${safeName(name)}${n} jump out_${safeName(name)}${n}`),
      `${destination} @services${n} accept`,
      `${family} daddr @nodes${n} ${drop(COUNTERS.twinOut)}`,
      `${family} daddr @around${n} ${drop(COUNTERS.twinOut)}`,
      `${family} daddr @inside${n} ${drop(COUNTERS.twinOut)}`,
    ]),
    chain(`twin_in${n}`, [
      ...tenants.map(
        ({ name }) =>
          `iifname ${device(overlayDevice)} ${family} saddr @home_${safeName(name)}${n} ` +
          `${family} daddr @twin_${safeName(name)}${n} accept`,
      ),
      // Node ports and balancers lend the address of a node; what a node itself sends was judged there.
      `${family} saddr @nodes${n} accept`,
      errorsOfGateway(family),
      `${family} saddr @inside${n} ${drop(COUNTERS.twinIn)}`,
    ]),
    chain(`twin_to_node${n}`, [
      // Without these no pod finds its router.
      ...(family === 'ip6'
        ? ['icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept']
        : []),
      ...tenants.map(
        ({ name }) =>
          `${family} saddr @twin_${safeName(name)}${n} ${destination} @offered_${safeName(name)}${n} accept`,
      ),
      `${destination} @services${n} accept`,
      ...names,
      drop(COUNTERS.twinToNode),
    ]),
  ];
}

/**
 * What a gateway could not pass on came to it inside a packet of the overlay. So its node knows of no connection that the
 * error belongs to; without it a sender never learns what the path carries (RFC 1191, RFC 8201).
 */
export function errorsOfGateway(family: Family): string {
  const types =
    family === 'ip'
      ? 'icmp type { destination-unreachable, time-exceeded, parameter-problem }'
      : 'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }';
  return `${family} saddr @gateways${suffix(family)} ${types} accept`;
}

function hook(name: 'forward' | 'input' | 'output', rules: (family: Family, n: string) => string[]): string {
  return chain(name, [
    `type filter hook ${name} priority filter - 1; policy accept;`,
    'ct direction reply accept',
    'ct state related accept',
    ...FAMILIES.flatMap((family) => rules(family, suffix(family))),
  ]);
}
