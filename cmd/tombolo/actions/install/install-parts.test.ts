import { describe, expect, test } from 'vitest';
import type { Pod } from '#pkg/kube';
import { CliError } from '../../errors.ts';
import { clusterNameFrom } from './cluster-name.ts';
import { parseImage } from './image.ts';
import { refuseLocalAddress } from './local-address.ts';
import { normalised } from './manifest.ts';
import { podOutside } from './network.ts';
import { askedValues, mergeValues } from './values.ts';

describe('clusterNameFrom', () => {
  test.each([
    ['milan', 'milan'],
    ['kubernetes-admin@milan', 'milan'],
    ['arn:aws:eks:eu-south-1:123:cluster/Milan_Prod', 'milan-prod'],
    ['gke_project_zone_milan', 'gke-project-zone-milan'],
    ['@', 'cluster'],
    ['a'.repeat(47) + '.b', 'a'.repeat(47)],
  ])('%s becomes %s', (context, name) => {
    expect(clusterNameFrom(context)).toBe(name);
  });
});

describe('parseImage', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  test.each([
    ['tombolo', { repository: 'tombolo', tag: '', digest: '' }],
    ['tombolo.test/tombolo:dev', { repository: 'tombolo.test/tombolo', tag: 'dev', digest: '' }],
    ['registry:5000/tombolo', { repository: 'registry:5000/tombolo', tag: '', digest: '' }],
    [`registry:5000/a/tombolo:1.2.3@${digest}`, { repository: 'registry:5000/a/tombolo', tag: '1.2.3', digest }],
  ])('%s', (reference, values) => {
    expect(parseImage(reference)).toEqual(values);
  });

  test.each(['', 'a b', 'tombolo:', 'tombolo@sha256:1', ':tag', 'a/'])('refuses "%s"', (reference) => {
    expect(() => parseImage(reference)).toThrow('not an image reference');
  });
});

describe('refuseLocalAddress', () => {
  test.each([
    'https://127.0.0.1:6443',
    'localhost:7443',
    '[::1]:7443',
    '169.254.1.1:7443',
    '0.0.0.0:1',
    'https://[fe80::1]:1',
  ])('CLI-02 an address that only works on this machine: %s', (address) => {
    expect(() => refuseLocalAddress('--api-server', address)).toThrow(CliError);
  });

  test.each(['https://10.0.0.1:6443', 'milan.example:7443', '[2001:db8::1]:7443'])('lets %s pass', (address) => {
    expect(() => refuseLocalAddress('--api-server', address)).not.toThrow();
  });
});

describe('pod ranges', () => {
  const pod = (ips: string[], hostNetwork = false): Pod => ({
    metadata: { namespace: 'shop', name: 'web' },
    spec: { containers: [], hostNetwork },
    status: { podIPs: ips.map((ip) => ({ ip })) },
  });

  test.each([
    ['in one of them', pod(['10.244.3.4'])],
    ['of a family that has no range', pod(['10.10.0.1', 'fd00::1'])],
    ['of the node', pod(['192.168.0.7'], true)],
    ['not known yet', pod([])],
  ])('CLI-02 a pod with an address %s is fine', (_, fine) => {
    expect(podOutside([fine], ['10.244.0.0/16', '10.10.0.0/24'])).toBeUndefined();
  });

  test('CLI-02 a pod that none of them holds is named', () => {
    const pods = [pod(['10.244.0.1', 'fd00::1']), pod(['10.244.0.2', 'fd01::2'])];
    expect(podOutside(pods, ['10.244.0.0/16', 'fd00::/64'])).toBe(
      'pod shop/web has the address fd01::2, which is in no pod range (10.244.0.0/16, fd00::/64)',
    );
  });
});

describe('values', () => {
  test('flags of ours become values, and leave alone what they do not name', () => {
    const asked = askedValues({ clusterName: 'milan', image: 'tombolo:2', peeringAddress: ['203.0.113.7:7443'] });
    expect(askedValues({ podRange: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20' })).toEqual({
      network: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20' },
    });
    const before = {
      image: { repository: 'a', pullPolicy: 'Never' },
      peering: { service: { nodePort: 1 }, addresses: ['old:1'] },
    };
    expect(mergeValues(before, asked)).toEqual({
      clusterName: 'milan',
      image: { repository: 'tombolo', tag: '2', digest: '', pullPolicy: 'Never' },
      peering: { service: { nodePort: 1 }, addresses: ['203.0.113.7:7443'] },
    });
    expect(mergeValues(before, askedValues({}))).toEqual(before);
  });
});

test('manifests are equal whatever their comments and their order', () => {
  const one = '---\n# Source: a.yaml\nkind: A\n---\n# Source: b.yaml\nkind: B\n\n';
  const other = 'kind: B\n---\nkind: A\n---\n';
  expect(normalised(one)).toEqual(normalised(other));
  expect(normalised(one)).not.toEqual(normalised('kind: A\n'));
});
