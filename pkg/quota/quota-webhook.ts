import type { Grant } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { parseAmounts } from '#pkg/quantity';
import type { Counting } from './count-pods.ts';
import type { Refusal } from './errors.ts';
import type { Ledger } from './ledger.ts';
import { countedPod } from './pod-view.ts';

/** The parts of an AdmissionRequest that are read. */
export interface QuotaRequest {
  readonly uid: string;
  readonly namespace?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly object?: unknown;
}

export type QuotaVerdict = { readonly allowed: true } | { readonly allowed: false; readonly message: string };

export interface QuotaDeps {
  readonly ledger: Ledger;
  readonly counting: Counting;
  /** False until everything that runs has been counted: nothing is admitted before. */
  readonly isCounting: () => boolean;
}

/**
 * Decides on creations and resizes of pods in twins. The only writer of the ledger's reservations: it runs in the leader
 * alone, and the webhook fails closed, so that a grant is never exceeded however many sources create pods at once (NODE-36).
 */
export function quotaWebhook({ ledger, counting, isCounting }: QuotaDeps): (request: QuotaRequest) => QuotaVerdict {
  const refuse = ({ message }: Refusal): QuotaVerdict => ({ allowed: false, message });
  return (request) => {
    const object = request.object as Pod;
    const pod = {
      ...object,
      metadata: { ...object.metadata, namespace: request.namespace ?? object.metadata.namespace ?? '' },
    };
    if (!isCounting())
      return refuse({
        code: 'NotCounting',
        message: 'NotCounting: the quota of this provider has just started and counts what runs; try again in a moment',
      });
    const found = counting.grantOf(pod);
    if (found === 'not a twin') return { allowed: true };
    if (found === 'no grant')
      return refuse({
        code: 'NoGrant',
        message: 'NoGrant: there is no grant for this pod; the consumer asks for one with a VirtualNode',
      });
    const refusal = ledger.admit(
      countedPod(
        pod.metadata.uid === undefined ? { ...pod, metadata: { ...pod.metadata, uid: request.uid } } : pod,
        found.key,
      ),
      allowanceOf(found.grant),
      request.dryRun === true,
    );
    return refusal === undefined ? { allowed: true } : refuse(refusal);
  };
}

function allowanceOf(grant: Grant) {
  return {
    name: grant.metadata.name,
    granted: parseAmounts(grant.status?.granted),
    isCordoned: grant.spec.cordoned === true,
  };
}
