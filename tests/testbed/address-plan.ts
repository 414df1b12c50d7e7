import { createHash } from 'node:crypto';
import { TestbedError } from './errors.ts';

/** 198.18.0.0/15 is set aside for benchmarks (RFC 2544): no real network uses it. It holds 512 subnets of 256. */
const SUBNETS = 512;

/** Of a subnet: .1 is the host's end, .254 the dead end of all default routes, nodes have what is between. */
const FIRST_NODE_HOST = 10;
const LAST_NODE_HOST = 250;

/** Real nodes take the lower half of a cluster's pod range, kwok pods the upper half, a /24 for each real node. */
const MAX_NODES_PER_CLUSTER = 128;

/** With ranges of their own, clusters count down from 10.244 and up from 10.96: they would meet after 74. */
const MAX_DISTINCT_CLUSTERS = 60;

export type Ranges = 'same' | 'distinct';

export interface NodePlan {
  /** Name inside the bed: `node1`. */
  readonly name: string;
  /** Name of the Kubernetes Node: `milan-node1`. */
  readonly nodeName: string;
  readonly address: string;
  /** Pods of this node get addresses of this /24. */
  readonly podRange: string;
}

export interface ClusterPlan {
  readonly name: string;
  /** Position among the clusters of the bed; decides the ranges where they are distinct. */
  readonly index: number;
  readonly podRange: string;
  readonly serviceRange: string;
  readonly kwokNodes: number;
  readonly nodes: readonly NodePlan[];
}

/** Everything that is decided about a bed. It is stored before anything is made, so that a second run continues it. */
export interface BedPlan {
  readonly version: 1;
  /** Which /24 of 198.18.0.0/15. */
  readonly subnet: number;
  readonly ranges: Ranges;
  readonly clusters: readonly ClusterPlan[];
}

/** What a caller of `up` asks for; what is left out keeps the value it has, or gets the default. */
export interface BedRequest {
  /** Clusters that must be up afterwards. Default: those of the plan, in a new bed `milan` and `rome`. */
  readonly clusters?: readonly string[] | undefined;
  /** Nodes of each of these clusters, at least. Default 1. */
  readonly nodes?: number | undefined;
  /** Default `same`: every cluster has pods 10.244.0.0/16 and services 10.96.0.0/16. */
  readonly ranges?: Ranges | undefined;
  /** kwok nodes of each of `kwokClusters` (default: of each of `clusters`). Default: as it is, in a new bed 0. */
  readonly kwok?: number | undefined;
  readonly kwokClusters?: readonly string[] | undefined;
}

/** Address of the host number `host` in the subnet of a bed. */
export function bedAddress(subnet: number, host: number): string {
  return `198.${18 + (subnet >> 8)}.${subnet & 0xff}.${host}`;
}

/** The subnet number of an address of 198.18.0.0/15, undefined for any other address. */
export function subnetOf(address: string): number | undefined {
  const [a, b, c] = address.split('.').map(Number);
  if (a !== 198 || (b !== 18 && b !== 19) || c === undefined) return undefined;
  return (b - 18) * 256 + c;
}

/**
 * A free subnet. The same id gives the same subnet as long as nobody else has it, so that addresses stay when a bed
 * is made anew.
 * @throws TestbedError `Conflict` when all 512 are taken
 */
export function chooseSubnet(id: string, taken: ReadonlySet<number>): number {
  const start = createHash('sha256').update(id).digest().readUInt16BE(0) % SUBNETS;
  for (let step = 0; step < SUBNETS; step++) {
    const subnet = (start + step) % SUBNETS;
    if (!taken.has(subnet)) return subnet;
  }
  throw new TestbedError('Conflict', {
    attempted: 'choose addresses for the test bed',
    where: '198.18.0.0/15',
    why: 'all 512 subnets are taken on this machine',
    next: 'take another test bed down first',
  });
}

/** Pods and services of cluster number `index`. */
function rangesOf(ranges: Ranges, index: number): { podRange: string; serviceRange: string } {
  const offset = ranges === 'same' ? 0 : index;
  return { podRange: `10.${244 - offset}.0.0/16`, serviceRange: `10.${96 + offset}.0.0/16` };
}

/** The first address of `range` plus `offset`: 10.96.0.0/16 and 10 give 10.96.0.10. For /16 ranges and offsets below 256. */
export function addressIn(range: string, offset: number): string {
  return range.replace(/\.0\/16$/, `.${offset}`);
}

/** Upper half of a /16 pod range: addresses that kwok gives to pods which do not exist. */
export function kwokPodRange(podRange: string): string {
  return podRange.replace(/\.0\.0\/16$/, '.128.0/17');
}

/**
 * The plan after a request: what exists keeps its addresses, what is missing is added. Nothing is ever taken away,
 * except kwok nodes above the number that was asked for.
 * @throws TestbedError `Conflict` where the request cannot be met by the bed as it is
 */
export function planBed(previous: BedPlan | undefined, request: BedRequest, subnet: number): BedPlan {
  const ranges = request.ranges ?? previous?.ranges ?? 'same';
  if (previous !== undefined && previous.ranges !== ranges) {
    throw new TestbedError('Conflict', {
      attempted: `bring the test bed up with --ranges ${ranges}`,
      where: previous.clusters.map((cluster) => cluster.name).join(', '),
      why: `it was made with --ranges ${previous.ranges}`,
      next: 'run `testbed down` first',
    });
  }
  const existing = previous?.clusters ?? [];
  const wanted =
    request.clusters ?? (existing.length > 0 ? existing.map((cluster) => cluster.name) : ['milan', 'rome']);
  const kwokWanted = new Set(request.kwokClusters ?? wanted);
  const names = [...new Set([...existing.map((cluster) => cluster.name), ...wanted])];
  for (const name of kwokWanted) {
    if (!names.includes(name)) throw unknownKwokCluster(name, names);
  }
  const plan = { version: 1 as const, subnet: previous?.subnet ?? subnet, ranges };
  const hosts = freeHosts(plan.subnet, existing);
  const clusters = names.map((name, index) => {
    const before = existing.find((cluster) => cluster.name === name);
    const count = Math.max(before?.nodes.length ?? 1, wanted.includes(name) ? (request.nodes ?? 1) : 1);
    const kwok = kwokWanted.has(name) ? request.kwok : undefined;
    return planCluster({ name, index, before, count, kwok, ranges, hosts });
  });
  return { ...plan, clusters };
}

interface ClusterRequest {
  readonly name: string;
  readonly index: number;
  readonly before: ClusterPlan | undefined;
  readonly count: number;
  readonly kwok: number | undefined;
  readonly ranges: Ranges;
  readonly hosts: Iterator<string>;
}

function planCluster({ name, index, before, count, kwok, ranges, hosts }: ClusterRequest): ClusterPlan {
  if (ranges === 'distinct' && index >= MAX_DISTINCT_CLUSTERS) throw tooMany('clusters', name, MAX_DISTINCT_CLUSTERS);
  if (count > MAX_NODES_PER_CLUSTER) throw tooMany('nodes', name, MAX_NODES_PER_CLUSTER);
  let own = before ?? { name, index, ...rangesOf(ranges, index), kwokNodes: 0, nodes: [] };
  while (own.nodes.length < count) own = withNode(own, freeNumber(own), hosts);
  return { ...own, kwokNodes: kwok ?? own.kwokNodes };
}

function withNode(cluster: ClusterPlan, number: number, hosts: Iterator<string>): ClusterPlan {
  const address = hosts.next();
  if (address.done === true) throw tooMany('nodes', cluster.name, LAST_NODE_HOST - FIRST_NODE_HOST + 1);
  const node = {
    name: `node${number}`,
    nodeName: `${cluster.name}-node${number}`,
    address: address.value,
    podRange: cluster.podRange.replace(/\.0\.0\/16$/, `.${number - 1}.0/24`),
  };
  return { ...cluster, nodes: [...cluster.nodes, node] };
}

function freeNumber({ nodes }: ClusterPlan): number {
  const names = new Set(nodes.map((node) => node.name));
  let number = 1;
  while (names.has(`node${number}`)) number += 1;
  return number;
}

/**
 * The plan with one node more, and that node; the same plan where it has that node already.
 * @param name `node7`, which also decides its pod range (the seventh /24); undefined: the lowest number that is free
 * @throws TestbedError `UnknownTarget`, `Conflict`
 */
export function planAddedNode(plan: BedPlan, cluster: string, name?: string): { plan: BedPlan; node: NodePlan } {
  const before = planned(plan, cluster);
  const standing = before.nodes.find((node) => node.name === name);
  if (standing !== undefined) return { plan, node: standing };
  const number = name === undefined ? freeNumber(before) : Number(/^node([1-9]\d{0,2})$/.exec(name)?.[1]);
  if (!(number <= MAX_NODES_PER_CLUSTER)) throw badNode('add a node', `${cluster}/${name ?? `node${number}`}`);
  const after = withNode(before, number, freeHosts(plan.subnet, plan.clusters));
  const node = after.nodes[after.nodes.length - 1]!; // just added
  return { plan: replaced(plan, after), node };
}

/** The plan without a node, and that node. @throws TestbedError `UnknownTarget`, `Conflict` for the first one */
export function planRemovedNode(plan: BedPlan, cluster: string, name: string): { plan: BedPlan; node: NodePlan } {
  const before = planned(plan, cluster);
  const node = before.nodes.find((one) => one.name === name || one.nodeName === name);
  if (node === undefined) {
    throw new TestbedError('UnknownTarget', {
      attempted: 'remove a node',
      where: `${cluster}/${name}`,
      why: 'the cluster has no node of that name',
      next: `name one of: ${before.nodes.map((one) => one.name).join(', ')}`,
    });
  }
  if (node === before.nodes[0]) {
    throw new TestbedError('Conflict', {
      attempted: 'remove a node',
      where: `${cluster}/${name}`,
      why: 'the control plane runs there',
      next: 'name another node, or run `testbed down`',
    });
  }
  return { plan: replaced(plan, { ...before, nodes: before.nodes.filter((one) => one !== node) }), node };
}

function replaced(plan: BedPlan, cluster: ClusterPlan): BedPlan {
  return { ...plan, clusters: plan.clusters.map((one) => (one.name === cluster.name ? cluster : one)) };
}

/** @throws TestbedError `UnknownTarget` */
function planned({ clusters }: BedPlan, name: string): ClusterPlan {
  const found = clusters.find((cluster) => cluster.name === name);
  if (found !== undefined) return found;
  throw new TestbedError('UnknownTarget', {
    attempted: 'find a cluster of the test bed',
    where: name,
    why: 'there is none of that name',
    next: `name one of: ${clusters.map((cluster) => cluster.name).join(', ')}`,
  });
}

function badNode(attempted: string, where: string): TestbedError {
  return new TestbedError('Conflict', {
    attempted,
    where,
    why: `names of nodes are node1 to node${MAX_NODES_PER_CLUSTER}`,
    next: 'name one of these, or none for the next free one',
  });
}

function* freeHosts(subnet: number, clusters: readonly ClusterPlan[]): Generator<string, void> {
  const taken = new Set(clusters.flatMap((cluster) => cluster.nodes.map((node) => node.address)));
  for (let host = FIRST_NODE_HOST; host <= LAST_NODE_HOST; host++) {
    const address = bedAddress(subnet, host);
    if (!taken.has(address)) yield address;
  }
}

function tooMany(what: string, cluster: string, limit: number): TestbedError {
  return new TestbedError('Conflict', {
    attempted: `plan the ${what} of the test bed`,
    where: cluster,
    why: `a bed has addresses for ${limit} ${what}`,
    next: 'ask for fewer, or use --kwok for nodes without machines',
  });
}

function unknownKwokCluster(name: string, names: readonly string[]): TestbedError {
  return new TestbedError('UnknownTarget', {
    attempted: 'add kwok nodes',
    where: name,
    why: 'the test bed has no cluster of that name',
    next: `name one of: ${names.join(', ')}`,
  });
}
