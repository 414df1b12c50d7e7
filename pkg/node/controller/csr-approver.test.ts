import { beforeEach, describe, expect, test } from 'vitest';
import { type VirtualNode, VIRTUAL_NODE } from '#pkg/api';
import { type CertificateSigningRequest, CSR, POD, type Pod, type Resource } from '#pkg/kube';
import { fakeClock, type Reconciler, silentLog } from '#pkg/runtime';
import { type CertificateNames, createCertificateRequest } from '../certificate/certificate-request.ts';
import { type TestClient, testClient } from '../test-client.ts';
import { csrApprover } from './csr-approver.ts';

const REQUESTER = 'system:serviceaccount:tombolo-system:tombolo-kubelet';
const VN: Resource<VirtualNode> = VIRTUAL_NODE;
const GOOD: CertificateNames = {
  commonName: 'system:node:rome',
  organization: 'system:nodes',
  addresses: ['10.244.0.7', 'fd00::7'],
};
let api: TestClient;
let approver: Reconciler;

beforeEach(() => {
  api = testClient();
  api.put(VN, { metadata: { name: 'rome' }, spec: { peer: 'rome' } } as VirtualNode);
  api.put(POD, {
    metadata: { name: 'kubelet-0', namespace: 'tombolo-system', uid: 'pod-0' },
    status: { phase: 'Running', podIPs: [{ ip: '10.244.0.7' }, { ip: 'fd00:0::7' }] },
  } as Pod);
  api.put(POD, {
    metadata: { name: 'kubelet-1', namespace: 'tombolo-system', uid: 'pod-1' },
    status: { phase: 'Running', podIP: '10.244.0.8' },
  } as Pod);
  approver = csrApprover({
    client: api.client,
    requests: api.informer(CSR),
    virtualNodes: api.informer(VN),
    kubeletPods: api.informer(POD),
    signerName: 'kubernetes.io/kubelet-serving',
    requester: REQUESTER,
    clock: fakeClock(),
    log: silentLog,
  });
});

async function isApproved(names: Partial<CertificateNames>, spec: Partial<CertificateSigningRequest['spec']> = {}) {
  const { requestPem } = await createCertificateRequest({ ...GOOD, ...names });
  api.put(CSR, {
    metadata: { name: 'csr' },
    spec: {
      request: Buffer.from(requestPem).toString('base64'),
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'server auth'],
      username: REQUESTER,
      ...spec,
    },
  } as CertificateSigningRequest);
  await approver.reconcile('csr', new AbortController().signal);
  return api.get(CSR, { name: 'csr' })?.status?.conditions?.[0]?.type === 'Approved';
}

describe('NODE-28 csrApprover', { timeout: 60_000 }, () => {
  test('NODE-28 a request of our kubelet for its own addresses and one of our nodes is approved', async () => {
    expect(await isApproved({})).toBe(true);
    expect(api.writes).toEqual(['replace CertificateSigningRequest csr/approval']);
  });

  test('NODE-28 a like request from any other account is not', async () => {
    expect(await isApproved({}, { username: 'system:serviceaccount:shop:default' })).toBe(false);
    expect(await isApproved({}, { username: 'system:node:rome' })).toBe(false);
  });

  test('nor one for another name, address, purpose, signer or organisation', async () => {
    expect(await isApproved({ commonName: 'system:node:milan-1' })).toBe(false);
    expect(await isApproved({ commonName: 'admin' })).toBe(false);
    expect(await isApproved({ addresses: ['10.0.0.1'] })).toBe(false);
    expect(await isApproved({ addresses: ['10.244.0.7', '10.0.0.1'] })).toBe(false);
    expect(await isApproved({ addresses: [] })).toBe(false);
    expect(await isApproved({ organization: 'system:masters' })).toBe(false);
    expect(await isApproved({}, { usages: ['digital signature', 'client auth'] })).toBe(false);
    expect(await isApproved({}, { signerName: 'kubernetes.io/kube-apiserver-client' })).toBe(false);
    expect(await isApproved({}, { request: Buffer.from('nonsense').toString('base64') })).toBe(false);
    expect(api.writes).toEqual([]);
  });

  test('a replica gets none for the address of another replica', async () => {
    const extra = { 'authentication.kubernetes.io/pod-uid': ['pod-0'] };
    expect(await isApproved({ addresses: ['10.244.0.8'] }, { extra })).toBe(false);
    expect(await isApproved({ addresses: ['10.244.0.7'] }, { extra })).toBe(true);
  });

  test('what somebody has decided stays decided', async () => {
    await isApproved({}, { username: 'x' });
    const csr = api.get(CSR, { name: 'csr' }) as CertificateSigningRequest;
    const denied = { type: 'Denied', status: 'True' };
    api.put(CSR, {
      ...csr,
      spec: { ...csr.spec, username: REQUESTER },
      status: { conditions: [denied] },
    } as CertificateSigningRequest);
    await approver.reconcile('csr', new AbortController().signal);
    expect(api.writes).toEqual([]);
  });
});
