/** What tests of the client against a real API server share. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test as base } from 'vitest';
import { type Cluster, type ClusterConfig, connectCluster, loadKubeconfig, NAMESPACE } from '#pkg/kube';
import { type BedCluster, downTestbed, upTestbed } from '../testbed/index.ts';
import { type TcpProxy, tcpProxy } from './tcp-proxy.ts';

/** Set by `npm test`: the folder of a test bed that is up. */
const bedFolder = process.env['TOMBOLO_TESTBED'];

/** For the name of a suite that cannot run. */
export const whyNot = bedFolder === undefined ? ' (skipped: no test bed, run `npm test` or set TOMBOLO_TESTBED)' : '';

export interface Fixtures {
  config: ClusterConfig;
  cluster: Cluster;
  /** A namespace of one test; removed after it. */
  namespace: string;
}

const BED_TIMEOUT_MS = 10 * 60_000;

async function connected(
  { config }: Pick<Fixtures, 'config'>,
  use: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  await using cluster = connectCluster(config, { freezeObjects: true });
  await use(cluster);
}

async function freshNamespace(
  { cluster }: Pick<Fixtures, 'cluster'>,
  use: (name: string) => Promise<void>,
): Promise<void> {
  const name = `kube-${randomUUID().slice(0, 8)}`;
  await cluster.client.create(NAMESPACE, { metadata: { name } });
  await use(name);
  await cluster.client.delete(NAMESPACE, { name }, { propagationPolicy: 'Background' });
}

/** Tests that only use a cluster share the bed of the run. */
export const test = base.extend<Fixtures>({
  config: async ({}, use) => {
    await use({ ...(await loadKubeconfig(join(String(bedFolder), 'milan', 'kubeconfig'))), name: 'milan' });
  },
  cluster: connected,
  namespace: freshNamespace,
});

export interface ChaosFixtures extends Fixtures {
  /** A cluster of its own, made once per file: nobody else is disturbed when its API server is stopped. */
  bed: BedCluster;
  proxy: TcpProxy;
  /** The same cluster, reached through `proxy`. */
  viaProxy: Cluster;
}

export const chaos = base.extend<ChaosFixtures>({
  bed: [
    async ({}, use) => {
      const dir = `${bedFolder}-kube`;
      const bed = await upTestbed({ dir, clusters: ['solo'], bare: true }, AbortSignal.timeout(BED_TIMEOUT_MS));
      try {
        await use(bed.cluster('solo'));
      } finally {
        await downTestbed({ dir }, AbortSignal.timeout(BED_TIMEOUT_MS));
      }
    },
    { scope: 'file' },
  ],
  config: async ({ bed }, use) => {
    await use({ ...(await loadKubeconfig(bed.kubeconfig)), name: 'solo' });
  },
  cluster: connected,
  namespace: freshNamespace,
  proxy: async ({ bed }, use) => {
    const { hostname, port } = new URL(bed.server);
    await using proxy = await tcpProxy({ host: hostname, port: Number(port) });
    await use(proxy);
  },
  viaProxy: async ({ config, proxy }, use) => {
    await using cluster = connectCluster(
      { ...config, server: `https://127.0.0.1:${proxy.port}`, tlsServerName: 'kubernetes.default.svc' },
      { freezeObjects: true },
    );
    await use(cluster);
  },
});
