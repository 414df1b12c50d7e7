import { NatTable, renderBridgeTable, type Run } from '#network/nat';
import { runCommand } from '#pkg/runtime';

/** Who may send outer packets of the overlay over the bridges of this node. */
export interface BridgesState {
  /** UDP, of the overlay's outer packets. */
  readonly overlayPort: number;
  /** Number, on this node, of the link of the gateway pod that forwards; undefined where that is on another node. */
  readonly gatewayLink: number | undefined;
  readonly nodeAddress: string;
}

/** As `ip -json -details address show` lists it. */
export interface ListedLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_slave_kind?: string };
  readonly addr_info?: readonly { readonly local?: string }[];
}

/** Kinds of links that lead to pods, or to virtual machines in their place. */
const OF_PODS = new Set(['veth', 'tun']);

/**
 * Packet rules for the bridges of one node, where it has any: pods that share one with the gateway reach it below IP, where
 * the other rules of the node see nothing, and could forge packets of the overlay. Calls must not overlap.
 */
export class OverlayBridges {
  readonly #run: Run;
  readonly #table: NatTable;

  /** @param run how `ip` and `nft` are started; another one than `runCommand` reaches into another network namespace */
  constructor(run: Run = runCommand) {
    this.#run = run;
    this.#table = new NatTable({ family: 'bridge', run });
  }

  /**
   * A bridge that appears later is found at the next call. Pods that come and go change nothing.
   * @returns whether something was repaired
   * @throws NatError `NatTableRefused` also where the node has bridges and its kernel no rules for them
   */
  async apply(state: BridgesState, signal: AbortSignal): Promise<boolean> {
    const links = await this.#links(signal);
    if (!links.some(isBridge)) return false;
    const text = renderBridgeTable({ port: state.overlayPort, trustedPorts: trustedPorts(links, state) });
    return (await this.#table.apply(text, signal)) === 'repaired';
  }

  /** Safe in any state, twice, and after a crash. A kernel that knows no rules for bridges has none of ours. */
  async cleanup(signal: AbortSignal): Promise<void> {
    if ((await this.#links(signal)).some(isBridge)) await this.#table.cleanup(signal);
  }

  async #links(signal: AbortSignal): Promise<ListedLink[]> {
    const { stdout } = await this.#run('ip', ['-json', '-details', 'address', 'show'], { signal });
    return JSON.parse(stdout) as ListedLink[];
  }
}

/**
 * Ports of bridges that may send outer packets: that of the gateway pod, and uplinks. A bridge that has the node's own
 * address is an uplink with all its ports: pods on it cannot be told from other machines. Sorted. Pure.
 */
export function trustedPorts(links: readonly ListedLink[], { gatewayLink, nodeAddress }: BridgesState): string[] {
  const uplinks = links.filter(({ addr_info = [] }) => addr_info.some(({ local }) => local === nodeAddress));
  const isTrusted = ({ ifindex, master, linkinfo }: ListedLink): boolean =>
    ifindex === gatewayLink ||
    !OF_PODS.has(linkinfo?.info_kind ?? '') ||
    uplinks.some(({ ifname }) => ifname === master);
  return links
    .filter((link) => link.linkinfo?.info_slave_kind === 'bridge' && isTrusted(link))
    .map(({ ifname }) => ifname)
    .toSorted();
}

function isBridge({ linkinfo }: ListedLink): boolean {
  return linkinfo?.info_kind === 'bridge';
}
