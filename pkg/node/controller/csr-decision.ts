import { isIP } from 'node:net';
import type { CertificateSigningRequest, Pod } from '#pkg/kube';
import type { ReadRequest } from '../certificate/certificate-request.ts';
import { SERVING_USAGES } from '../certificate/serving-certificate.ts';

/** What a request is held against. */
export interface CsrFacts {
  readonly signerName: string;
  /** User name of our kubelet's account: `system:serviceaccount:<namespace>:<name>`. */
  readonly requester: string;
  readonly isVirtualNode: (name: string) => boolean;
  /** The running pods of our kubelet. */
  readonly kubeletPods: readonly Pod[];
}

/** Requests that nobody has decided, of our signer and our account: the only ones that are looked into. */
export function concernsUs(csr: CertificateSigningRequest, facts: CsrFacts): boolean {
  return (
    csr.spec.signerName === facts.signerName &&
    csr.spec.username === facts.requester &&
    (csr.status?.conditions ?? []).length === 0
  );
}

/**
 * Why a request that concerns us is not approved, or undefined when it is: it must be for one of our virtual nodes and
 * name only addresses of the very pod that asks. Whoever steals another account, or asks for another name, gets none.
 */
export function refusalOf(csr: CertificateSigningRequest, request: ReadRequest, facts: CsrFacts): string | undefined {
  return formRefusal(csr, request) ?? nameRefusal(request, facts) ?? addressRefusal(csr, request, facts);
}

function formRefusal(csr: CertificateSigningRequest, request: ReadRequest): string | undefined {
  if (!request.isSelfSigned) return 'it is not signed by its own key';
  const usages = new Set(csr.spec.usages ?? []);
  if (usages.size !== SERVING_USAGES.length || !SERVING_USAGES.every((usage) => usages.has(usage))) {
    return `its usages are not exactly ${SERVING_USAGES.join(' and ')}`;
  }
  if (request.organizations.length !== 1 || request.organizations[0] !== 'system:nodes') {
    return 'its organization is not system:nodes';
  }
  if (request.otherNames.length > 0) return `it names more than addresses: ${request.otherNames.join(', ')}`;
  return request.addresses.length === 0 ? 'it names no address' : undefined;
}

function nameRefusal(request: ReadRequest, facts: CsrFacts): string | undefined {
  const [name = '', ...others] = request.commonNames;
  const prefix = 'system:node:';
  if (others.length > 0 || !name.startsWith(prefix)) return 'its common name is not that of a node';
  const node = name.slice(prefix.length);
  return facts.isVirtualNode(node) ? undefined : `${node} is no virtual node`;
}

function addressRefusal(csr: CertificateSigningRequest, request: ReadRequest, facts: CsrFacts): string | undefined {
  // Bound tokens name their pod (KEP-4193); where they do, another replica's address is refused too.
  const [podUid] = csr.spec.extra?.['authentication.kubernetes.io/pod-uid'] ?? [];
  const pods = facts.kubeletPods.filter((pod) => podUid === undefined || pod.metadata.uid === podUid);
  const own = new Set(pods.flatMap(addressesOf).map(canonical));
  const foreign = request.addresses.filter((address) => !own.has(canonical(address)));
  return foreign.length === 0 ? undefined : `${foreign.join(', ')} is no address of the pod that asks`;
}

function addressesOf(pod: Pod): string[] {
  if (pod.status?.phase !== 'Running' || pod.metadata.deletionTimestamp !== undefined) return [];
  const addresses = (pod.status.podIPs ?? []).map(({ ip }) => ip ?? '');
  return [...addresses, pod.status.podIP ?? ''].filter((ip) => ip !== '');
}

/** One spelling for each IPv6 address. */
function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
}
