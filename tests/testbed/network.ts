import { readFile, rm } from 'node:fs/promises';
import { runCommand } from '#pkg/runtime';
import { bedAddress, type BedPlan, type ClusterPlan, type NodePlan, subnetOf } from './address-plan.ts';
import { type BedFolder, nodeNamespace } from './bed-folder.ts';

/**
 * The network of a bed: one namespace with a bridge, one namespace a node, a veth pair from each node and one from the
 * host into the bridge. The host keeps exactly one link and one route per bed; nothing is forwarded to its other
 * interfaces, since the nodes' default route ends in the bridge namespace.
 */

const DEAD_END_HOST = 254;
const HOST_HOST = 1;

interface IpLink {
  readonly ifname: string;
}

interface IpAddress extends IpLink {
  readonly addr_info: readonly { readonly local?: string }[];
}

/** Subnets of 198.18.0.0/15 that the host already knows, whoever made them. */
export async function takenSubnets(signal: AbortSignal): Promise<Set<number>> {
  const { stdout } = await runCommand('ip', ['-json', '-4', 'route', 'show', 'table', 'all'], { signal });
  const routes = JSON.parse(stdout || '[]') as { dst?: string }[];
  return new Set(routes.map((route) => subnetOf(route.dst ?? '')).filter((subnet) => subnet !== undefined));
}

/** The subnet of the host's link of this bed, undefined where it has none. */
export async function standingSubnet(bed: BedFolder, signal: AbortSignal): Promise<number | undefined> {
  const { stdout } = await runCommand('ip', ['-json', '-4', 'address', 'show'], { signal });
  const link = (JSON.parse(stdout || '[]') as IpAddress[]).find(({ ifname }) => ifname === bed.hostLink);
  return subnetOf(link?.addr_info[0]?.local ?? '');
}

async function linksOf(namespace: string, signal: AbortSignal): Promise<Set<string>> {
  const { stdout } = await runCommand('ip', ['-n', namespace, '-json', 'link', 'show'], { signal });
  return new Set((JSON.parse(stdout || '[]') as IpLink[]).map(({ ifname }) => ifname));
}

/** Runs one `ip -batch`; `namespace` undefined is the host's own. */
async function batch(namespace: string | undefined, lines: readonly string[], signal: AbortSignal): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  await runCommand('ip', [...where, '-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
}

/** Namespaces that are mounted; a file without a mount is what a kill left behind. */
export async function mountedNamespaces(): Promise<Set<string>> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const paths = mounts.split('\n').map((line) => line.split(' ')[4] ?? '');
  return new Set(
    paths.map((path) => /^(?:\/var)?\/run\/netns\/(.+)$/.exec(path)?.[1]).filter((name) => name !== undefined),
  );
}

async function ensureNamespace(name: string, mounted: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  if (mounted.has(name)) return;
  await rm(`/run/netns/${name}`, { force: true });
  await runCommand('ip', ['netns', 'add', name], { signal });
}

/** Makes the bridge and all nodes' links, addresses, routes and NAT as planned. Idempotent, repairs what is missing. */
export async function ensureNetwork(bed: BedFolder, plan: BedPlan, signal: AbortSignal): Promise<void> {
  const mounted = await mountedNamespaces();
  await ensureBridge(bed, plan, mounted, signal);
  const bridgeLinks = await linksOf(bed.bridgeNamespace, signal);
  await Promise.all(
    plan.clusters.flatMap((cluster) =>
      cluster.nodes.map((node) => ensureNode(bed, plan, cluster, node, { mounted, bridgeLinks, signal })),
    ),
  );
}

async function ensureBridge(
  bed: BedFolder,
  plan: BedPlan,
  mounted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const bridge = bed.bridgeNamespace;
  await ensureNamespace(bridge, mounted, signal);
  // Forwarding without a route beyond the bed: whoever asks for an address outside gets "unreachable" at once instead
  // of waiting for a time-out.
  await setSysctls(bridge, { 'net/ipv4/ip_forward': '1' }, signal);
  const links = await linksOf(bridge, signal);
  if (!links.has('br0')) await batch(bridge, ['link add br0 type bridge'], signal);
  await batch(
    bridge,
    ['link set lo up', `address replace ${bedAddress(plan.subnet, DEAD_END_HOST)}/24 dev br0`, 'link set br0 up'],
    signal,
  );
  if (!links.has('host')) {
    await batch(undefined, [`link add ${bed.hostLink} type veth peer name host netns ${bridge}`], signal);
  }
  await batch(bridge, ['link set host master br0 up'], signal);
  await batch(
    undefined,
    [`address replace ${bedAddress(plan.subnet, HOST_HOST)}/24 dev ${bed.hostLink}`, `link set ${bed.hostLink} up`],
    signal,
  );
}

/** The end of a node's pair in the bridge namespace, named after the address: short and unique there. */
function bridgePort(node: NodePlan): string {
  return `n${node.address.split('.').at(-1)}`;
}

interface NodeContext {
  readonly mounted: ReadonlySet<string>;
  readonly bridgeLinks: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

async function ensureNode(
  bed: BedFolder,
  plan: BedPlan,
  cluster: ClusterPlan,
  node: NodePlan,
  { mounted, bridgeLinks, signal }: NodeContext,
): Promise<void> {
  const namespace = nodeNamespace(bed, node);
  const port = bridgePort(node);
  // A pair without the namespace leads into one that only its processes still hold.
  const isLost = !mounted.has(namespace) && bridgeLinks.has(port);
  if (isLost) await batch(bed.bridgeNamespace, [`link delete ${port}`], signal);
  await ensureNamespace(namespace, mounted, signal);
  if (isLost || !bridgeLinks.has(port)) {
    await batch(bed.bridgeNamespace, [`link add ${port} type veth peer name eth0 netns ${namespace}`], signal);
  }
  await batch(bed.bridgeNamespace, [`link set ${port} master br0 up`], signal);
  await setSysctls(
    namespace,
    {
      'net/ipv4/ip_forward': '1',
      // Services and tunnels answer over other links than they were asked on.
      'net/ipv4/conf/all/rp_filter': '0',
      'net/ipv4/conf/default/rp_filter': '0',
    },
    signal,
  );
  const others = cluster.nodes.filter((other) => other.name !== node.name);
  await batch(
    namespace,
    [
      'link set lo up',
      `address replace ${node.address}/24 dev eth0`,
      'link set eth0 up',
      `route replace default via ${bedAddress(plan.subnet, DEAD_END_HOST)}`,
      ...others.map((other) => `route replace ${other.podRange} via ${other.address} dev eth0`),
    ],
    signal,
  );
  await runCommand('nsenter', [`--net=/run/netns/${namespace}`, '--', 'nft', '-f', '-'], {
    input: masqueradeRules(cluster.podRange),
    signal,
  });
}

/**
 * Pods leave their cluster with the address of their node, as in clusters with ip-masq-agent: other clusters may use
 * the same pod range and could not answer. Between pods of one cluster addresses stay.
 */
export function masqueradeRules(podRange: string): string {
  return `table ip tombolo-testbed
delete table ip tombolo-testbed
table ip tombolo-testbed {
  chain postrouting {
    type nat hook postrouting priority srcnat + 10; policy accept;
    ip saddr ${podRange} ip daddr != ${podRange} oifname "eth0" masquerade
  }
}
`;
}

/** /proc/sys/net shows the namespace of whoever opens it, so a shell inside writes. */
async function setSysctls(
  namespace: string,
  values: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const script = Object.entries(values)
    .map(([key, value]) => `echo ${value} > /proc/sys/${key}`)
    .join(' && ');
  await runCommand('nsenter', [`--net=/run/netns/${namespace}`, '--', '/bin/sh', '-c', script], { signal });
}

/**
 * Removes the link and the namespace of one node, and the way to its pods from `others`. The namespace's processes must
 * be gone. Idempotent.
 */
export async function removeNodeNetwork(
  bed: BedFolder,
  node: NodePlan,
  others: readonly NodePlan[],
  signal: AbortSignal,
): Promise<void> {
  const port = bridgePort(node);
  if ((await linksOf(bed.bridgeNamespace, signal)).has(port)) {
    await batch(bed.bridgeNamespace, [`link delete ${port}`], signal);
  }
  await removeNamespace(nodeNamespace(bed, node), signal);
  for (const other of others) {
    const args = ['-n', nodeNamespace(bed, other), 'route', 'flush', 'exact', node.podRange, 'via', node.address];
    await runCommand('ip', args, { signal });
  }
}

async function removeNamespace(name: string, signal: AbortSignal): Promise<void> {
  await runCommand('umount', ['-l', `/run/netns/${name}`], { signal, acceptExitCodes: [0, 1, 32] });
  await rm(`/run/netns/${name}`, { force: true });
}

/** Removes everything the bed has in the host's network, in any half state. The namespaces' processes must be gone. */
export async function removeNetwork(bed: BedFolder, signal: AbortSignal): Promise<void> {
  for (const name of await namespacesOf(bed)) await removeNamespace(name, signal);
  // The pair dies with the bridge namespace, a moment later; this makes it certain, also where that was never made.
  await runCommand('ip', ['link', 'delete', bed.hostLink], { signal, acceptExitCodes: [0, 1] });
}

/** Namespaces of the bed that exist, mounted or not. */
export async function namespacesOf(bed: BedFolder): Promise<string[]> {
  const { readdir } = await import('node:fs/promises');
  const names = await readdir('/run/netns').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => name === bed.bridgeNamespace || name.startsWith(`${bed.bridgeNamespace}-`));
}
