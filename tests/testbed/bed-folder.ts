import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { BedPlan, ClusterPlan, NodePlan } from './address-plan.ts';
import { TestbedError } from './errors.ts';

/**
 * Names of everything a bed makes on the host. All hang on an id that follows from the absolute path of its folder, so
 * two beds on one machine share no name, and a bed finds its things again without having written them down.
 */
export interface BedFolder {
  /** Absolute path, `.testbed` of a checkout by default. */
  readonly path: string;
  /** Eight hexadecimal digits. */
  readonly id: string;
  /** Network namespace that holds the bridge of all nodes. */
  readonly bridgeNamespace: string;
  /** The host's end of the veth pair into the bridge; at most 15 characters. */
  readonly hostLink: string;
  /** Cgroup of all processes of the bed, relative to the root of each hierarchy. */
  readonly cgroup: string;
}

export function bedFolder(path: string): BedFolder {
  const absolute = resolve(path);
  const id = createHash('sha256').update(absolute).digest('hex').slice(0, 8);
  const prefix = `tombolo-${id}`;
  return { path: absolute, id, bridgeNamespace: prefix, hostLink: `tb${id}`, cgroup: prefix };
}

export function nodeNamespace(bed: BedFolder, node: NodePlan): string {
  return `${bed.bridgeNamespace}-${node.nodeName}`;
}

export function clusterPath(bed: BedFolder, cluster: ClusterPlan, ...rest: string[]): string {
  return join(bed.path, cluster.name, ...rest);
}

export function nodePath(bed: BedFolder, cluster: ClusterPlan, node: NodePlan, ...rest: string[]): string {
  return join(bed.path, cluster.name, node.name, ...rest);
}

/** Cgroup of a node (its pods are below) or of the `control` plane of a cluster. */
export function cgroupOf(bed: BedFolder, cluster: ClusterPlan, part: string): string {
  return `${bed.cgroup}/${cluster.name}/${part}`;
}

export const PLAN_FILE = 'plan.json';

function planPath(bed: BedFolder): string {
  return join(bed.path, PLAN_FILE);
}

/** The plan of a bed that is up or half up; undefined where there is none. */
export async function readPlan(bed: BedFolder): Promise<BedPlan | undefined> {
  let text: string;
  try {
    text = await readFile(planPath(bed), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as BedPlan;
  } catch (cause) {
    throw new TestbedError(
      'Conflict',
      {
        attempted: 'read the plan of the test bed',
        where: planPath(bed),
        why: 'it is not JSON',
        next: 'run `testbed down`',
      },
      { cause },
    );
  }
}

export async function writePlan(bed: BedFolder, plan: BedPlan): Promise<void> {
  await writeFileAtomic(planPath(bed), `${JSON.stringify(plan, null, 2)}\n`);
}

/** Readers see the old text or the new one, never half of it, also when we are killed. */
export async function writeFileAtomic(path: string, text: string | Uint8Array, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text, { mode });
  await rename(temporary, path);
}
