import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BedPlan, type ClusterPlan, planAddedNode, planRemovedNode } from './address-plan.ts';
import { type BedFolder, cgroupOf, nodeNamespace, nodePath, readPlan, writePlan } from './bed-folder.ts';
import { endProcesses, namespaceProcesses, shimSockets, unmountBelow } from './bed-down.ts';
import { bedLock, ensureBuilt, requireShortPaths, type UpContext } from './bed-up.ts';
import { type Cgroups, hostCgroups } from './cgroups.ts';
import { clusterApi, ensureCluster } from './cluster-up.ts';
import { agentGroup, firstNode } from './daemons.ts';
import { TestbedError } from './errors.ts';
import { ensureNetwork, removeNodeNetwork } from './network.ts';
import { importedArchive } from './node-runtime.ts';
import { requireRoot } from './prerequisites.ts';

/**
 * Adds a node to a cluster that is up and waits until it is Ready. It has what the first node has, also Tombolo's image.
 * @param name undefined: the lowest number that is free
 * @returns the name of its Node
 */
export async function addBedNode(cluster: string, name: string | undefined, context: UpContext): Promise<string> {
  const { bed, progress, signal } = context;
  requireRoot('add a node');
  await using _lock = await bedLock(context);
  const { plan, node } = planAddedNode(await standingPlan(bed), cluster, name);
  requireShortPaths(bed, plan);
  const built = await ensureBuilt(plan, context);
  const owner = clusterOf(plan, cluster);
  const product = await productOf(owner, context);
  await writePlan(bed, plan);
  await ensureNetwork(bed, plan, signal);
  const cgroups = await hostCgroups();
  const rest = product === undefined ? {} : { product };
  await ensureCluster({ bed, plan, cgroups, ...built, ...rest, progress, signal }, owner);
  return node.nodeName;
}

/**
 * Takes a node away with everything that the bed made for it, like a machine that is switched off and never comes back.
 * The plan forgets it last: a run that was killed is gone on with.
 * @returns the name that its Node had
 */
export async function removeBedNode(cluster: string, name: string, context: UpContext): Promise<string> {
  const { bed, progress, signal } = context;
  requireRoot('remove a node');
  await using _lock = await bedLock(context);
  const before = await standingPlan(bed);
  const { plan, node } = planRemovedNode(before, cluster, name);
  const owner = clusterOf(before, cluster);
  const others = clusterOf(plan, cluster).nodes;
  const folder = nodePath(bed, owner, node);
  await progress.step(`remove ${node.nodeName}`, async () => {
    const cgroups = await hostCgroups();
    const groups = [node.name, agentGroup(node)].map((part) => cgroupOf(bed, owner, part));
    const namespace = nodeNamespace(bed, node);
    await endProcesses(
      node.nodeName,
      async () => [...(await processesOf(cgroups, groups)), ...(await namespaceProcesses([namespace], signal))],
      signal,
    );
    await deleteNodeObject(bed, owner, node.nodeName);
    const sockets = await shimSockets(folder);
    await unmountBelow(folder, signal);
    await removeNodeNetwork(bed, node, others, signal);
    for (const group of groups) await cgroups.remove(group, signal);
    for (const path of [...sockets, folder]) await rm(path, { recursive: true, force: true });
    await writePlan(bed, plan);
  });
  return node.nodeName;
}

async function standingPlan(bed: BedFolder): Promise<BedPlan> {
  const plan = await readPlan(bed);
  if (plan !== undefined) return plan;
  throw new TestbedError('UnknownTarget', {
    attempted: 'open the test bed',
    where: bed.path,
    why: 'there is none',
    next: 'run `npm run testbed -- up` first',
  });
}

function clusterOf(plan: BedPlan, name: string): ClusterPlan {
  const found = plan.clusters.find((cluster) => cluster.name === name);
  if (found === undefined) throw new Error(`${name}: the plan was made for this cluster and does not hold it`);
  return found;
}

/** Tombolo as the first node has it; undefined in a bed without. */
async function productOf(cluster: ClusterPlan, { bed, cache }: UpContext): Promise<string | undefined> {
  const name = await importedArchive({ bed, cluster, node: firstNode(cluster) }, 'product');
  if (name === undefined) return undefined;
  const archive = join(cache, name);
  if (existsSync(archive)) return archive;
  throw new TestbedError('Conflict', {
    attempted: 'add a node',
    where: archive,
    why: 'the cache does not hold the image of Tombolo any more that the other nodes have',
    next: 'run `up` first, which builds it again',
  });
}

async function processesOf(cgroups: Cgroups, groups: readonly string[]): Promise<number[]> {
  return (await Promise.all(groups.map((group) => cgroups.processes(group)))).flat();
}

async function deleteNodeObject(bed: BedFolder, cluster: ClusterPlan, nodeName: string): Promise<void> {
  using api = await clusterApi(bed, cluster);
  const { status, text } = await api.delete(`/api/v1/nodes/${nodeName}`);
  if (status < 300 || status === 404) return;
  throw new TestbedError('StepFailed', {
    attempted: 'delete the Node',
    where: nodeName,
    why: `HTTP ${status}: ${text.slice(0, 200)}`,
    next: 'look whether the API server runs, then run the command again',
  });
}
