import { defineConfig } from 'vitest/config';
import { MESH_FILES } from './tests/mesh-files.ts';
import { patient } from './tests/patience.ts';

/** Whole clusters share two cores with the tests: one that met a stall is tried once more, and reported as retried. */
const AGAIN = 1;

/** Those that make a cluster of their own. */
const SOLO = ['tests/kube/chaos.cluster.test.ts'];

const ON_CLUSTERS = {
  pool: 'forks',
  fileParallelism: false,
  retry: AGAIN,
  testTimeout: patient(180_000),
  hookTimeout: patient(600_000),
} as const;

/**
 * `unit`: fast tests without processes, one thread pool without isolation, never tried again.
 * `wide`: files named `*.wide.test.ts`, which start processes or change the host; one fork each.
 * `cluster`: end-to-end tests against real clusters of a test bed (milan and rome, one node each are enough); one file after the other.
 * `mesh`: like them, for a bed with a third cluster, turin, and two nodes each: what is about nodes, several peers, and finding them.
 * `solo`: what makes a cluster of its own, and mostly waits for it.
 */
export default defineConfig({
  test: {
    reporters: ['default', './tests/closing-line.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{cmd,pkg,reflectors,network,tests}/**/*.test.ts'],
          exclude: ['**/*.wide.test.ts', '**/*.cluster.test.ts', '**/node_modules/**'],
          pool: 'threads',
          isolate: false,
          maxWorkers: 6, // they wait more than they work
          testTimeout: patient(30_000), // clusters run beside them
        },
      },
      {
        extends: true,
        test: {
          name: 'wide',
          include: ['{cmd,pkg,reflectors,network,tests}/**/*.wide.test.ts'],
          pool: 'forks',
          maxWorkers: 4, // they wait much more than they work
          sequence: { groupOrder: 1 }, // after `unit`, which vitest demands where numbers of workers differ
          retry: AGAIN,
          testTimeout: patient(30_000),
          globalSetup: 'tests/testbed/wireguard-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['{cmd,pkg,reflectors,network,tests}/**/*.cluster.test.ts'],
          exclude: [...MESH_FILES, ...SOLO, '**/node_modules/**'],
          ...ON_CLUSTERS,
        },
      },
      { extends: true, test: { name: 'mesh', include: MESH_FILES, ...ON_CLUSTERS } },
      { extends: true, test: { name: 'solo', include: SOLO, ...ON_CLUSTERS } },
    ],
  },
});
