import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrograms } from './bed.ts';
import { type BedPlan, type BedRequest, chooseSubnet, planBed } from './address-plan.ts';
import { type BedFolder, readPlan, writeFileAtomic, writePlan } from './bed-folder.ts';
import { hostCgroups } from './cgroups.ts';
import { ensureCluster } from './cluster-up.ts';
import { type ComponentName, ensureComponent } from './components.ts';
import { longestSocket, type Programs } from './daemons.ts';
import { TestbedError } from './errors.ts';
import { fileLock } from './file-lock.ts';
import { raiseHostLimits } from './host-limits.ts';
import { ensureImages } from './images.ts';
import { ensureNetwork, standingSubnet, takenSubnets } from './network.ts';
import { CLUSTER_PACKAGES, ensurePackages, requireRoot } from './prerequisites.ts';
import type { Progress } from './progress.ts';
import { together } from './together.ts';

export interface UpContext {
  readonly bed: BedFolder;
  /** Folder of built programs and images. */
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** As many busy programs of the host have as much of the CPU as a whole bed: more than tests start side by side. */
const BED_WEIGHT = 10;

/** Subnets are chosen under this lock, which all beds of the machine share. */
const SUBNET_LOCK = '/run/lock/tombolo-testbed-subnet.lock';

/** Says that a folder belongs to a bed, so that `down` may remove it. */
export const MARKER_FILE = 'tombolo-testbed';

/**
 * Brings a bed without Tombolo up as requested, continues one that was interrupted, repairs one that is damaged.
 * Everything that can be missing on a machine is looked for before anything is changed.
 */
export async function ensureBed(request: BedRequest, context: UpContext): Promise<BedPlan> {
  const { bed, progress, signal } = context;
  requireRoot('bring the test bed up');
  await using _lock = await bedLock(context);
  await requireOwnFolder(bed);
  // The subnet is chosen later; whether the request fits to what is there does not hang on it.
  const draft = planBed(await readPlan(bed), request, 0);
  requireShortPaths(bed, draft);
  await ensurePackages(CLUSTER_PACKAGES, context);
  const built = await ensureBuilt(draft, context);
  await raiseHostLimits(progress);
  await claimFolder(bed);
  await publish(bed, built);
  const plan = await progress.step('plan addresses and set the network up', () => ensurePlanned(request, context));
  const cgroups = await hostCgroups();
  await cgroups.ensure(bed.cgroup);
  await cgroups.weigh(bed.cgroup, BED_WEIGHT);
  await together(plan.clusters, signal, (cluster, joined) =>
    ensureCluster({ bed, plan, cgroups, ...built, progress, signal: joined }, cluster),
  );
  return plan;
}

/** One `up` or `down` of a bed at a time. */
export function bedLock({ bed, progress, signal }: UpContext): Promise<AsyncDisposable> {
  return fileLock(`/run/lock/tombolo-testbed-${bed.id}.lock`, {
    signal,
    onWait: (pid) => progress.say(`wait for process ${pid}, which works on the same test bed`),
  });
}

/** @throws TestbedError `Conflict` where the folder holds something that is not a bed */
async function requireOwnFolder(bed: BedFolder): Promise<void> {
  if (!existsSync(bed.path) || (await isBedFolder(bed))) return;
  // An `up` that was killed while it wrote the marker leaves the marker's draft.
  if ((await readdir(bed.path)).every((name) => name.startsWith(MARKER_FILE))) return;
  throw new TestbedError('Conflict', {
    attempted: 'make a test bed',
    where: bed.path,
    why: 'the folder holds files that are not of a test bed',
    next: 'name an empty folder with --dir',
  });
}

async function claimFolder(bed: BedFolder): Promise<void> {
  await mkdir(bed.path, { recursive: true });
  await writeFileAtomic(join(bed.path, MARKER_FILE), `${bed.id}\n`);
}

export async function isBedFolder(bed: BedFolder): Promise<boolean> {
  if (!existsSync(join(bed.path, MARKER_FILE))) return false;
  return (await readFile(join(bed.path, MARKER_FILE), 'utf8')).trim() === bed.id;
}

async function ensurePlanned(request: BedRequest, context: UpContext): Promise<BedPlan> {
  const { bed, progress, signal } = context;
  await using _lock = await fileLock(SUBNET_LOCK, {
    signal,
    onWait: (pid) => progress.say(`wait for process ${pid}, which chooses addresses`),
  });
  const previous = await readPlan(bed);
  const standing = await standingSubnet(bed, signal);
  // After a reboot the plan is there and the link is not: somebody else may have taken the addresses meanwhile.
  const taken = await takenSubnets(signal);
  if (previous !== undefined && standing !== previous.subnet && taken.has(previous.subnet)) {
    throw new TestbedError('Conflict', {
      attempted: 'set the network of the test bed up',
      where: bed.path,
      why: 'another network of this machine has its addresses now',
    });
  }
  const plan = planBed(previous, request, standing ?? chooseSubnet(bed.id, taken));
  await writePlan(bed, plan);
  await ensureNetwork(bed, plan, signal);
  return plan;
}

/** @throws TestbedError `Conflict` where a socket of a node would have too long a path */
export function requireShortPaths(bed: BedFolder, plan: BedPlan): void {
  for (const cluster of plan.clusters) {
    for (const node of cluster.nodes) {
      const { path, fits } = longestSocket(bed, cluster, node);
      if (fits) continue;
      throw new TestbedError('Conflict', {
        attempted: 'make a test bed',
        where: bed.path,
        why: `${path} is longer than the 107 bytes that Linux allows for a socket`,
        next: 'name a folder with a shorter path with --dir',
      });
    }
  }
}

/** What the caches hold for this plan. */
export interface Built {
  readonly programs: Programs;
  readonly helm: string;
  readonly images: string;
}

/** Builds what a plan needs and the cache has not. */
export async function ensureBuilt(plan: BedPlan, context: UpContext): Promise<Built> {
  const component = (name: ComponentName): Promise<string> => ensureComponent(name, context);
  const kube = await component('kube');
  const coredns = await component('coredns');
  const agnhost = await component('agnhost');
  const pause = await component('pause');
  const helm = await component('helm');
  const needsKwok = plan.clusters.some((cluster) => cluster.kwokNodes > 0);
  const kwok = needsKwok ? await component('kwok') : '';
  const images = await ensureImages({ agnhost, coredns, pause }, context);
  return { programs: { kube, kwok }, helm, images };
}

/** Puts kubectl and helm where people find them, and notes what `start` needs. */
async function publish(bed: BedFolder, { programs, helm }: Built): Promise<void> {
  const bin = join(bed.path, 'bin');
  await mkdir(bin, { recursive: true });
  await replaceLink(join(bin, 'kubectl'), programs.kube);
  await replaceLink(join(bin, 'helm'), helm);
  await writePrograms(bed, programs);
}

/** Never leaves a moment without the link: others use the bed while `up` repairs it. */
async function replaceLink(path: string, target: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  await symlink(target, draft);
  await rename(draft, path);
}
