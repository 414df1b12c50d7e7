import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bedFolder, type BedFolder, readPlan, writeFileAtomic } from './bed-folder.ts';
import { hostCgroups } from './cgroups.ts';
import { type BedCluster, bedCluster } from './cluster.ts';
import type { Programs } from './daemons.ts';
import { TestbedError } from './errors.ts';

/** A bed that was brought up. */
export interface Bed {
  /** Absolute path; programs are in `bin` below it. */
  readonly folder: string;
  readonly clusters: readonly BedCluster[];
  /** @throws TestbedError `UnknownTarget` */
  cluster(name: string): BedCluster;
  /** Cgroup of the whole bed, relative to each hierarchy; whatever loads it during a benchmark joins a group below. */
  readonly cgroup: string;
}

function programsPath(bed: BedFolder): string {
  return join(bed.path, 'programs.json');
}

/** Remembers what `up` built, so that components can be started again without asking the compiler. */
export async function writePrograms(bed: BedFolder, programs: Programs): Promise<void> {
  await writeFileAtomic(programsPath(bed), `${JSON.stringify(programs)}\n`);
}

/** The bed in `folder`, without changing anything. @throws TestbedError `UnknownTarget` where none was brought up */
export async function openBed(folder: string): Promise<Bed> {
  const bed = bedFolder(folder);
  const plan = await readPlan(bed);
  const programs = await readFile(programsPath(bed), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (plan === undefined || programs === undefined) {
    throw new TestbedError('UnknownTarget', {
      attempted: 'open the test bed',
      where: bed.path,
      why: 'there is none',
      next: 'run `npm run testbed -- up` first',
    });
  }
  const cgroups = await hostCgroups();
  const context = { bed, plan, cgroups, programs: JSON.parse(programs) as Programs };
  const clusters = plan.clusters.map((cluster) => bedCluster(context, cluster));
  return {
    folder: bed.path,
    clusters,
    cgroup: bed.cgroup,
    cluster(name) {
      const found = clusters.find((cluster) => cluster.name === name);
      if (found !== undefined) return found;
      throw new TestbedError('UnknownTarget', {
        attempted: 'find a cluster of the test bed',
        where: name,
        why: 'there is none of that name',
        next: `name one of: ${clusters.map((cluster) => cluster.name).join(', ')}`,
      });
    },
  };
}
