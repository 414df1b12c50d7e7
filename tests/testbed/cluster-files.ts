import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterPlan, NodePlan } from './address-plan.ts';
import { type BedFolder, cgroupOf, clusterPath, nodePath, writeFileAtomic } from './bed-folder.ts';
import { apiServerNames, firstNode } from './daemons.ts';
import { cniConfig, containerdConfig, kubeconfig, kubeletConfig, type NodePaths, proxyConfig } from './node-config.ts';
import { createAuthority, createSigningKey, issue, type KeyPair } from './pki.ts';

/** `f_type` of overlayfs (OVERLAYFS_SUPER_MAGIC of linux/magic.h). */
const OVERLAYFS_MAGIC = 0x794c7630;

/** Who the control plane's programs are to the API server: name of their kubeconfig → certificate. */
const CONTROL_CLIENTS = {
  kubeconfig: { commonName: 'kubernetes-admin', organization: 'system:masters' },
  'kcm.kubeconfig': { commonName: 'system:kube-controller-manager' },
  'scheduler.kubeconfig': { commonName: 'system:kube-scheduler' },
  'kwok.kubeconfig': { commonName: 'kwok', organization: 'system:masters' },
} as const;

/** Certificates and kubeconfigs of a cluster. Made once; what is there stays. */
export async function ensureClusterFiles(bed: BedFolder, cluster: ClusterPlan): Promise<void> {
  await mkdir(clusterPath(bed, cluster), { recursive: true });
  const pki = clusterPath(bed, cluster, 'pki');
  if (!existsSync(pki)) await createPki(cluster, pki);
  const authority = await readPair(join(pki, 'ca'));
  for (const [file, request] of Object.entries(CONTROL_CLIENTS)) {
    await ensureKubeconfig(clusterPath(bed, cluster, file), cluster, authority, request);
  }
}

/** The folder appears complete or not at all. */
async function createPki(cluster: ClusterPlan, pki: string): Promise<void> {
  const draft = `${pki}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  const authority = await createAuthority(`${cluster.name}-ca`);
  // One that signs nothing else: with the cluster's own, any user certificate named front-proxy-client could pose as
  // anybody.
  const front = await createAuthority(`${cluster.name}-front-proxy-ca`);
  const serviceAccounts = createSigningKey();
  await writePair(join(draft, 'ca'), authority);
  await writePair(join(draft, 'front-ca'), front);
  await writePair(join(draft, 'front'), await issue(front, { commonName: 'front-proxy-client' }));
  await writePair(
    join(draft, 'apiserver'),
    await issue(authority, { commonName: 'kube-apiserver', names: apiServerNames(cluster) }),
  );
  await writePair(
    join(draft, 'kubelet-client'),
    await issue(authority, { commonName: 'kube-apiserver-kubelet-client', organization: 'system:masters' }),
  );
  await writePair(
    join(draft, 'admin'),
    await issue(authority, { commonName: 'testbed', organization: 'system:masters' }),
  );
  await writeFile(join(draft, 'sa.key'), serviceAccounts.privatePem, { mode: 0o600 });
  await writeFile(join(draft, 'sa.pub'), serviceAccounts.publicPem);
  await rename(draft, pki);
}

async function writePair(path: string, pair: KeyPair): Promise<void> {
  await writeFile(`${path}.crt`, pair.certPem);
  await writeFile(`${path}.key`, pair.keyPem, { mode: 0o600 });
}

async function readPair(path: string): Promise<KeyPair> {
  return { certPem: await readFile(`${path}.crt`, 'utf8'), keyPem: await readFile(`${path}.key`, 'utf8') };
}

async function ensureKubeconfig(
  path: string,
  cluster: ClusterPlan,
  authority: KeyPair,
  request: { commonName: string; organization?: string },
): Promise<void> {
  if (existsSync(path)) return;
  const pair = await issue(authority, request);
  const server = `https://${firstNode(cluster).address}:6443`;
  const text = kubeconfig({ cluster: cluster.name, server, caPem: authority.certPem, ...pair });
  await writeFileAtomic(path, text, 0o600);
}

/** Texts of a node's configuration files; daemons restart when theirs changes. */
export interface NodeConfigs {
  readonly containerd: string;
  readonly kubelet: string;
  readonly proxy: string;
}

/** Certificates and configuration of a node. Certificates stay, configuration is written as this version wants it. */
export async function ensureNodeFiles(bed: BedFolder, cluster: ClusterPlan, node: NodePlan): Promise<NodeConfigs> {
  const path = (...parts: string[]): string => nodePath(bed, cluster, node, ...parts);
  const pki = clusterPath(bed, cluster, 'pki');
  await mkdir(path('pki'), { recursive: true });
  const authority = await readPair(join(pki, 'ca'));
  await ensureKubeconfig(path('kubelet.kubeconfig'), cluster, authority, {
    commonName: `system:node:${node.nodeName}`,
    organization: 'system:nodes',
  });
  await ensureKubeconfig(path('proxy.kubeconfig'), cluster, authority, { commonName: 'system:kube-proxy' });
  if (!existsSync(path('pki/kubelet.key'))) {
    const names = [node.nodeName, node.address];
    const serving = await issue(authority, {
      commonName: `system:node:${node.nodeName}`,
      organization: 'system:nodes',
      names,
    });
    await writeFileAtomic(path('pki/kubelet.crt'), serving.certPem);
    await writeFileAtomic(path('pki/kubelet.key'), serving.keyPem, 0o600);
  }
  const { type } = await statfs(bed.path);
  const paths: NodePaths = {
    node: path(),
    pki,
    podCgroup: cgroupOf(bed, cluster, node.name),
    snapshotter: type === OVERLAYFS_MAGIC ? 'native' : 'overlayfs',
  };
  const configs = {
    containerd: containerdConfig(paths),
    kubelet: kubeletConfig(paths, cluster),
    proxy: proxyConfig(paths, cluster, node),
  };
  await writeFileAtomic(path('containerd.toml'), configs.containerd);
  await writeFileAtomic(path('kubelet.yaml'), configs.kubelet);
  await writeFileAtomic(path('proxy.yaml'), configs.proxy);
  await writeFileAtomic(path('cni/10-testbed.conflist'), cniConfig(paths, node.podRange));
  // Pods with dnsPolicy Default ask nobody: there is nothing outside. A resolver on the loopback answers at once that
  // it is not there.
  await writeFileAtomic(path('resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
  return configs;
}
