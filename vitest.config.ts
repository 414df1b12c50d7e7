import { defineConfig } from 'vitest/config';

/** Whole clusters share two cores with the tests: one that met a stall is tried once more, and reported as retried. */
const AGAIN = 1;

/**
 * `unit`: fast tests without processes, one thread pool without isolation, never tried again.
 * `wide`: files named `*.wide.test.ts`, which start processes or change the host; one fork each.
 * `cluster`: end-to-end tests in `tests/`, against real clusters of a test bed; one file after the other.
 * `chaos`: like them, but too much for a machine that does something else: `npm test` leaves them out.
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
        },
      },
      {
        extends: true,
        test: {
          name: 'wide',
          include: ['{cmd,pkg,reflectors,network,tests}/**/*.wide.test.ts'],
          pool: 'forks',
          globalSetup: 'tests/testbed/wireguard-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['{cmd,pkg,reflectors,network,tests}/**/*.cluster.test.ts'],
          exclude: ['tests/chaos/**', '**/node_modules/**'],
          pool: 'forks',
          fileParallelism: false,
          retry: AGAIN,
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: ['tests/chaos/*.cluster.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          retry: AGAIN,
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
