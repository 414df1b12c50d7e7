import { existsSync } from 'node:fs';
import { test as base } from 'vitest';
import { type Bed, openBed, type TestCluster } from './bed.ts';
import { ensurePeered, type Offloaded, offload } from './peered.ts';

export * from './peered.ts';

export interface Fixtures {
  bed: Bed;
  milan: TestCluster;
  rome: TestCluster;
  /** A third cluster, for tests of the project `mesh`. */
  turin: TestCluster;
  /** Peered with rome; made once per file. */
  peered: void;
  shop: Offloaded;
}

let serial = 0;

export const test = base.extend<Fixtures>({
  bed: async ({}, use) => {
    await use(openBed());
  },
  milan: async ({ bed }, use) => {
    await use(bed.cluster('milan'));
  },
  rome: async ({ bed }, use) => {
    await use(bed.cluster('rome'));
  },
  turin: async ({ bed }, use) => {
    const turin = bed.cluster('turin');
    if (!existsSync(turin.kubeconfig)) {
      throw new Error(
        `no cluster "turin" in ${bed.folder}: npm run testbed -- up --clusters milan,rome,turin --nodes 2 --dir ${bed.folder}`,
      );
    }
    await use(turin);
  },
  peered: [
    async ({ milan, rome }, use) => {
      await ensurePeered(milan, rome);
      await use();
    },
    { auto: false },
  ],
  shop: async ({ milan, rome, peered: _ }, use) => {
    const name = `shop-${process.pid.toString(36)}-${++serial}`;
    await use(await offload(milan, rome, name));
    await milan.try(['delete', 'namespace', name, '--wait=false']);
  },
});
