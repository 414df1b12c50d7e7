import { existsSync } from 'node:fs';
import { test as base } from 'vitest';
import { type Bed, type Json, openBed, type TestCluster } from './bed.ts';
import { ensurePeered, type Offloaded, offload } from './peered.ts';

export * from './peered.ts';

export interface Fixtures {
  bed: Bed;
  milan: TestCluster;
  rome: TestCluster;
  /** A third cluster, for tests of the project `mesh`. */
  turin: TestCluster;
  /** Always there: a test that fails leaves no namespace to those that come after it. */
  tidy: void;
  /** Peered with rome; made once per file. */
  peered: void;
  shop: Offloaded;
}

let serial = 0;

/** Twins, tenants and what the clusters themselves need. */
const NOT_OF_TESTS = /^(kube-|tombolo-|default$)/;
const CLEAN_MS = 90_000;

/** Removes the namespaces that tests made since then; twins go with theirs. */
async function removeNamespaces(bed: Bed, since: Date): Promise<void> {
  const clusters = ['milan', 'rome', 'turin'].map((name) => bed.cluster(name));
  for (const cluster of clusters.filter(({ kubeconfig }) => existsSync(kubeconfig))) {
    const namespaces = (await cluster.json('get namespaces'))['items'] as Json[];
    const names = namespaces
      .filter(({ metadata }) => new Date(metadata.creationTimestamp) >= since && !NOT_OF_TESTS.test(metadata.name))
      .filter(({ metadata }) => metadata.labels?.['tombolo.io/origin'] === undefined)
      .map(({ metadata }) => metadata.name as string);
    if (names.length > 0) await cluster.try(['delete', 'namespace', ...names, '--timeout=25s']);
  }
}

export const test = base.extend<Fixtures>({
  bed: async ({}, use) => {
    await use(openBed());
  },
  tidy: [
    async ({ bed, onTestFailed }, use) => {
      const since = new Date(Math.floor(Date.now() / 1000) * 1000);
      onTestFailed(() => removeNamespaces(bed, since), CLEAN_MS);
      await use();
    },
    { auto: true },
  ],
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
