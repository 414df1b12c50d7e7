import { LABEL } from '#pkg/api';
import type { DaemonSet } from '#pkg/kube';
import { NOT_VIRTUAL } from './node-terms.ts';
import { type AffinityHolder, requireTerms } from './required-affinity.ts';
import { ALLOWED, type AdmissionResponse } from './review.ts';

/**
 * Keeps a DaemonSet that tolerates everything off virtual nodes (NODE-10): its pods could never run there, and its rollout
 * would never end. Pure and idempotent.
 * @param old the stored DaemonSet on an update. An update that leaves the template alone is not changed either: a change
 *   of the template would restart every pod, which nobody asked for (NODE-11)
 * @param isOffloaded whether its namespace is offloaded: there its pods may run remotely (NODE-12)
 */
export function admitDaemonSet(
  daemonSet: DaemonSet,
  old: DaemonSet | undefined,
  isOffloaded: boolean,
): AdmissionResponse {
  if (isOffloaded || daemonSet.metadata.labels?.[LABEL.allowVirtual] === 'true') return ALLOWED;
  if (old !== undefined && JSON.stringify(old.spec?.template) === JSON.stringify(daemonSet.spec?.template))
    return ALLOWED;
  const spec = (daemonSet.spec?.template.spec ?? {}) as AffinityHolder;
  return {
    allowed: true,
    patch: requireTerms(spec, [{ matchExpressions: [NOT_VIRTUAL] }], '/spec/template/spec'),
  };
}
