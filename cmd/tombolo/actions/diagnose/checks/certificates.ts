import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import type { CertificateSigningRequest } from '#pkg/kube';
import { formatDuration } from '../../../duration.ts';
import { type Facts, placeOf } from '../facts.ts';
import type { Finding, Judgement } from '../finding.ts';

const REQUESTER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${NAME.kubeletAccount}`;

/** Our controller decides within a second, and looks again after two; the signer needs as long. */
const PATIENCE_MS = 10_000;

/** Whether the newest request of each virtual node for a serving certificate was approved and signed. */
export function judgeCertificates(facts: Facts): Judgement {
  const asked = new Set(facts.peers.map(({ metadata }) => metadata.name));
  const nodes = facts.status.virtualNodes.filter(({ spec }) => asked.has(spec.peer));
  const findings = nodes.flatMap(({ metadata: { name }, spec: { peer } }): Finding[] => {
    const request = newest(facts.requests, name);
    const problem = request === undefined ? undefined : problemOf(request, facts.status.now);
    if (request === undefined || problem === undefined) return [];
    const { to, port } = endpointOf(facts, name);
    return [
      {
        code: 'CertificateNotApproved',
        peer,
        message: `virtual node ${name} gets no serving certificate, so logs and exec of its pods fail: CertificateSigningRequest ${request.metadata.name} ${problem.why}`,
        from: placeOf(facts, 'kubelet'),
        to,
        ...(port !== undefined && { port }),
        protocol: 'TCP',
        next: problem.next,
      },
    ];
  });
  return { findings, unknown: [] };
}

/** Names are made of the node's and five random characters. */
function newest(requests: readonly CertificateSigningRequest[], node: string): CertificateSigningRequest | undefined {
  const created = (request: CertificateSigningRequest) => Date.parse(String(request.metadata.creationTimestamp));
  return requests
    .filter(({ metadata, spec }) => {
      const prefix = `tombolo-${node}-`;
      return (
        spec.username === REQUESTER &&
        metadata.name.startsWith(prefix) &&
        !metadata.name.slice(prefix.length).includes('-')
      );
    })
    .toSorted((a, b) => created(b) - created(a))[0];
}

function problemOf(request: CertificateSigningRequest, now: Date): { why: string; next: string } | undefined {
  const { name, creationTimestamp } = request.metadata;
  const conditions = request.status?.conditions ?? [];
  const refusal = conditions.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (refusal !== undefined) {
    const why = `was answered with ${refusal.type}: ${refusal.message ?? refusal.reason ?? 'no reason'}`;
    return { why, next: `find out who denies requests of ${REQUESTER}; our kubelet asks again by itself` };
  }
  const ageMs = now.getTime() - Date.parse(String(creationTimestamp));
  if (request.status?.certificate !== undefined || !(ageMs > PATIENCE_MS)) return undefined;
  const waits = `for ${formatDuration(ageMs)}`;
  if (conditions.some(({ type }) => type === 'Approved')) {
    const why = `is approved, but not signed ${waits}`;
    return { why, next: `look whether kube-controller-manager runs and signs for ${request.spec.signerName}` };
  }
  return {
    why: `is not approved ${waits}`,
    next: `kubectl certificate approve ${name}; and look why our controller does not: kubectl -n ${SYSTEM_NAMESPACE} logs -l tombolo.io/component=controller | grep csr`,
  };
}

/** Where the API server reaches a virtual node. */
function endpointOf({ status }: Facts, name: string): { to: string; port?: number } {
  const node = status.nodes.find(({ metadata }) => metadata.name === name);
  const address = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const port = node?.status?.daemonEndpoints?.kubeletEndpoint?.Port;
  const to = address === undefined ? `node ${name}` : `node ${name} (${address})`;
  return { to, ...(port !== undefined && { port }) };
}
