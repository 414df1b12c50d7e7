import type { VirtualNode } from '#pkg/api';
import {
  type CertificateSigningRequest,
  CSR,
  type Informer,
  KubeError,
  type KubeClient,
  type Pod,
  secondTime,
} from '#pkg/kube';
import { type Clock, done, type Log, type Reconciler, requeueAfter } from '#pkg/runtime';
import { readCertificateRequest } from '../certificate/certificate-request.ts';
import { concernsUs, type CsrFacts, refusalOf } from './csr-decision.ts';

/** The pod that asks, or its VirtualNode, may not be in our caches yet: look again this often … */
const RECHECK_MS = 2_000;
/** … for so long; the kubelet asks anew after a minute. */
const PATIENCE_MS = 60_000;

export interface CsrApproverDeps {
  readonly client: KubeClient;
  readonly requests: Informer<CertificateSigningRequest>;
  readonly virtualNodes: Informer<VirtualNode>;
  /** The pods of our kubelet in the system namespace. */
  readonly kubeletPods: Informer<Pod>;
  readonly signerName: string;
  /** `system:serviceaccount:<namespace>:<name>` */
  readonly requester: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Approves the serving certificates of our virtual nodes and nothing else (NODE-28). What it does not approve it
 * leaves alone, so that it never decides about requests of others. The key of the queue is the request's name.
 */
export function csrApprover(deps: CsrApproverDeps): Reconciler {
  const facts = (): CsrFacts => ({
    signerName: deps.signerName,
    requester: deps.requester,
    isVirtualNode: (name) => deps.virtualNodes.get(name) !== undefined,
    kubeletPods: deps.kubeletPods.list(),
  });
  return {
    name: 'csr-approver',
    async reconcile(name, signal) {
      const csr = deps.requests.get(name);
      if (csr === undefined || !concernsUs(csr, facts())) return done;
      const why = await refusal(csr, facts());
      if (why === undefined) {
        await approve(deps.client, csr, deps.clock.wall(), signal);
        deps.log.info({ request: name }, 'approved a serving certificate');
        return done;
      }
      deps.log.warn({ request: name, why }, 'does not approve a serving certificate');
      const ageMs = deps.clock.wall().getTime() - Date.parse(csr.metadata.creationTimestamp ?? '');
      return ageMs < PATIENCE_MS ? requeueAfter(RECHECK_MS) : done;
    },
  };
}

async function refusal(csr: CertificateSigningRequest, facts: CsrFacts): Promise<string | undefined> {
  const pem = Buffer.from(csr.spec.request, 'base64').toString('utf8');
  let request: Awaited<ReturnType<typeof readCertificateRequest>>;
  try {
    request = await readCertificateRequest(pem);
  } catch (error) {
    return `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  return refusalOf(csr, request, facts);
}

async function approve(client: KubeClient, csr: CertificateSigningRequest, now: Date, signal: AbortSignal) {
  const time = secondTime(now);
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'TomboloVirtualNode',
    message: 'for the kubelet endpoint of a virtual node, asked by the pod that serves it',
    lastUpdateTime: time,
    lastTransitionTime: time,
  };
  const approved = { ...csr, status: { ...csr.status, conditions: [condition] } };
  try {
    await client.replace<CertificateSigningRequest>(CSR, approved, { subresource: 'approval', signal });
  } catch (error) {
    // Decided by somebody else, or gone: the next event of the watch says which.
    if (error instanceof KubeError && (error.isConflict || error.isNotFound)) return;
    throw error;
  }
}
