import { describe, expect, test } from 'vitest';
import { planBed } from './address-plan.ts';
import { masqueradeRules } from './network.ts';
import { cniConfig, containerdConfig, kubeconfig, kubeletConfig, type NodePaths, proxyConfig } from './node-config.ts';

const PATHS: NodePaths = {
  node: '/bed/milan/node1',
  pki: '/bed/milan/pki',
  podCgroup: 'tombolo-1/milan/node1',
  snapshotter: 'overlayfs',
};

function milan() {
  const cluster = planBed(undefined, { clusters: ['milan'], ranges: 'distinct' }, 1).clusters[0];
  const node = cluster?.nodes[0];
  if (cluster === undefined || node === undefined) throw new Error('no plan');
  return { cluster, node };
}

describe('configuration of a node', () => {
  test('containerd keeps everything below the folder of the node', () => {
    const config = containerdConfig(PATHS);
    const absolute = [...config.matchAll(/= "(\/[^"]*)"/g)].map((match) => match[1] ?? '');
    const outside = absolute.filter((path) => !path.startsWith('/bed/milan/node1/'));
    expect(outside).toEqual(['/usr/lib/cni']);
    for (const setting of ['restrict_oom_score_adj = true', 'netns_mounts_under_state_dir = true']) {
      expect(config).toContain(setting);
    }
  });

  test('the kubelet puts pods into the cgroup of the node and knows the DNS of its cluster', () => {
    const config = JSON.parse(kubeletConfig(PATHS, milan().cluster));
    expect(config).toMatchObject({
      cgroupRoot: '/tombolo-1/milan/node1',
      clusterDNS: ['10.96.0.10'],
      failCgroupV1: false,
      containerRuntimeEndpoint: 'unix:///bed/milan/node1/containerd.sock',
    });
    expect(config.maxPods).toBeGreaterThanOrEqual(250);
  });

  test('kube-proxy takes the pod range and leaves the conntrack limits of the host alone', () => {
    const { cluster, node } = milan();
    expect(JSON.parse(proxyConfig(PATHS, cluster, node))).toMatchObject({
      mode: 'nftables',
      clusterCIDR: '10.244.0.0/16',
      hostnameOverride: 'milan-node1',
      conntrack: { maxPerCore: 0, min: 0 },
    });
  });

  test('pods get addresses of the node and are not masqueraded by CNI', () => {
    const config = JSON.parse(cniConfig(PATHS, '10.244.3.0/24'));
    expect(config.plugins[0]).toMatchObject({
      type: 'ptp',
      ipMasq: false,
      ipam: { ranges: [[{ subnet: '10.244.3.0/24' }]] },
    });
  });

  test('only what leaves the pod range is masqueraded', () => {
    expect(masqueradeRules('10.244.0.0/16')).toContain(
      'ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 oifname "eth0" masquerade',
    );
  });
});

test('a kubeconfig holds everything and refers to no file', () => {
  const text = kubeconfig({
    cluster: 'milan',
    server: 'https://198.18.1.10:6443',
    caPem: 'CA',
    certPem: 'CERT',
    keyPem: 'KEY',
  });
  const config = JSON.parse(text);
  expect(config['current-context']).toBe('milan');
  expect(config.clusters[0].cluster).toEqual({
    server: 'https://198.18.1.10:6443',
    'certificate-authority-data': Buffer.from('CA').toString('base64'),
  });
  expect(text).not.toContain('/bed');
});
