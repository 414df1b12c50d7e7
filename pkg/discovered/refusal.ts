import { type Address, type Cidr, contains, formatAddress, parseCidr, readAddress, readCidr } from '#network/cidr';

/** Addresses of this cluster: whoever makes us dial them wants us to attack ourselves (PEER-10). */
export interface OwnPlaces {
  readonly ranges: readonly { readonly range: Cidr; readonly what: string }[];
  /** Canonical address → what it is. */
  readonly hosts: ReadonlyMap<string, string>;
}

/** The network of this cluster in words of its objects; what cannot be read is left out. */
export interface OwnNetwork {
  readonly podRanges?: readonly string[] | undefined;
  readonly serviceRanges?: readonly string[] | undefined;
  readonly anchorRange?: string | undefined;
  readonly nodeAddresses: readonly string[];
  readonly apiServers: readonly string[];
  /** Under which peers reach our peering endpoint and our gateway; names are left out. */
  readonly publishedAddresses: readonly string[];
}

const special = (what: string, ...ranges: string[]) => ranges.map((range) => ({ range: parseCidr(range), what }));

/** RFC 6890 and its registries, as far as nobody else can be reached there. Private ranges are where clusters are. */
const SPECIAL = [
  ...special('a loopback address', '127.0.0.0/8', '::1/128'),
  ...special('a link-local address', '169.254.0.0/16', 'fe80::/10'),
  ...special('no address of a host', '0.0.0.0/8', '::/128', '240.0.0.0/4'),
  ...special('a multicast address', '224.0.0.0/4', 'ff00::/8'),
  // Mapped, compatible, NAT64, 6to4: they lead to an IPv4 address that would have to be looked at again.
  ...special('an IPv4 address in the form of an IPv6 one', '::ffff:0:0/96', '::/96', '64:ff9b::/96', '2002::/16'),
];

export function ownPlaces(network: OwnNetwork): OwnPlaces {
  const ranges = (texts: readonly string[] | undefined, what: string) =>
    (texts ?? []).flatMap((text) => {
      const range = readCidr(text);
      return range === undefined ? [] : [{ range, what }];
    });
  const hosts = (texts: readonly string[], what: string) =>
    texts.flatMap((text): [string, string][] => {
      const address = readAddress(text);
      return address === undefined ? [] : [[formatAddress(address), what]];
    });
  const anchors = network.anchorRange === undefined ? [] : [network.anchorRange];
  return {
    ranges: [
      ...ranges(network.serviceRanges, 'in the range of our Services'),
      ...ranges(network.podRanges, 'in the range of our pods'),
      ...ranges(anchors, 'in our anchor range'),
    ],
    // The last one of an address wins: the API server is often on a node, and the more serious word.
    hosts: new Map([
      ...hosts(network.publishedAddresses.map(hostOf), 'where we can be reached ourselves'),
      ...hosts(network.nodeAddresses, 'a node of this cluster'),
      ...hosts(network.apiServers, 'our API server'),
    ]),
  };
}

/**
 * Why nothing may be dialled there, as the end of a sentence; `undefined` where it may.
 * @param text `ADDRESS:PORT` or `[ADDRESS]:PORT`; names are refused, since they may mean something else when they are dialled
 */
export function addressRefusal(text: string, own: OwnPlaces): string | undefined {
  const port = Number(/:(\d{1,5})$/.exec(text)?.[1] ?? 0);
  const address = readAddress(hostOf(text));
  if (address === undefined) return `${text} is not ADDRESS:PORT`;
  if (port < 1 || port > 65_535) return `${text} has no port that can be dialled`;
  const what = own.hosts.get(formatAddress(address)) ?? rangeOf(address, own);
  return what === undefined ? undefined : `${text} is ${what}`;
}

function rangeOf(address: Address, own: OwnPlaces): string | undefined {
  return [...SPECIAL, ...own.ranges].find(({ range }) => contains(range, address))?.what;
}

/** The host of `host:port` or `[v6]:port`. */
function hostOf(text: string): string {
  return (
    /^(?:\[([^\]]*)\]|([^:]*)):\d{1,5}$/
      .exec(text)
      ?.slice(1)
      .find((host) => host !== undefined) ?? ''
  );
}
