import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrograms } from './bed.ts';
import { type BedPlan, type BedRequest, chooseSubnet, planBed } from './address-plan.ts';
import { type BedFolder, readPlan, writePlan } from './bed-folder.ts';
import { hostCgroups } from './cgroups.ts';
import { ensureCluster } from './cluster-up.ts';
import { ensureComponent } from './components.ts';
import { longestSocket, type Programs } from './daemons.ts';
import { TestbedError } from './errors.ts';
import { fileLock } from './file-lock.ts';
import { raiseHostLimits } from './host-limits.ts';
import { ensureImages } from './images.ts';
import { ensureNetwork, standingSubnet, takenSubnets } from './network.ts';
import { CLUSTER_PACKAGES, ensurePackages, requireRoot } from './prerequisites.ts';
import type { Progress } from './progress.ts';

export interface UpContext {
  readonly bed: BedFolder;
  /** Folder of built programs and images. */
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Subnets are chosen under this lock, which all beds of the machine share. */
const SUBNET_LOCK = '/run/lock/tombolo-testbed-subnet.lock';

/** Says that a folder belongs to a bed, so that `down` may remove it. */
export const MARKER_FILE = 'tombolo-testbed';

/** Brings a bed without Tombolo up as requested, continues one that was interrupted, repairs one that is damaged. */
export async function ensureBed(request: BedRequest, context: UpContext): Promise<BedPlan> {
  const { bed, progress, signal } = context;
  requireRoot('bring the test bed up');
  await ensurePackages(CLUSTER_PACKAGES, context);
  await raiseHostLimits(progress);
  await claimFolder(bed);
  await using _lock = await bedLock(context);
  const plan = await progress.step('plan addresses and set the network up', () => ensurePlanned(request, context));
  const { programs, images } = await ensureMaterial(plan, context);
  const cgroups = await hostCgroups();
  const cluster = { bed, plan, cgroups, programs, images, progress, signal };
  await Promise.all(plan.clusters.map((one) => ensureCluster(cluster, one)));
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
async function claimFolder(bed: BedFolder): Promise<void> {
  await mkdir(bed.path, { recursive: true });
  if (await isBedFolder(bed)) return;
  if ((await readdir(bed.path)).length > 0) {
    throw new TestbedError('Conflict', {
      attempted: 'make a test bed',
      where: bed.path,
      why: 'the folder holds files that are not of a test bed',
      next: 'name an empty folder with --dir',
    });
  }
  await writeFile(join(bed.path, MARKER_FILE), `${bed.id}\n`);
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
  requireShortPaths(bed, plan);
  await writePlan(bed, plan);
  await ensureNetwork(bed, plan, signal);
  return plan;
}

function requireShortPaths(bed: BedFolder, plan: BedPlan): void {
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

async function ensureMaterial(plan: BedPlan, context: UpContext): Promise<{ programs: Programs; images: string }> {
  const component = (name: Parameters<typeof ensureComponent>[0]): Promise<string> => ensureComponent(name, context);
  const kube = await component('kube');
  const coredns = await component('coredns');
  const agnhost = await component('agnhost');
  const pause = await component('pause');
  const helm = await component('helm');
  const kwok = plan.clusters.some((cluster) => cluster.kwokNodes > 0) ? await component('kwok') : '';
  const images = await ensureImages({ agnhost, coredns, pause }, context);
  const bin = join(context.bed.path, 'bin');
  await mkdir(bin, { recursive: true });
  await replaceLink(join(bin, 'kubectl'), kube);
  await replaceLink(join(bin, 'helm'), helm);
  await writePrograms(context.bed, { kube, kwok });
  return { programs: { kube, kwok }, images };
}

async function replaceLink(path: string, target: string): Promise<void> {
  await rm(path, { force: true });
  await symlink(target, path);
}
