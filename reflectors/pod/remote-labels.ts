import { LABEL } from '#pkg/api';
import type { Pod } from '#pkg/kube';

export interface RemoteLabels {
  /** The consumer as the provider calls it: value of `tombolo.io/origin`. */
  readonly origin: string;
  /** The virtual node, which is the name of the grant. */
  readonly nodeName: string;
}

/** Labels by which what we made for a pod is found again, and nothing else: never the name. */
export function remoteLabels(local: Pod, { origin, nodeName }: RemoteLabels): Record<string, string> {
  return { [LABEL.origin]: origin, [LABEL.podUid]: local.metadata.uid ?? '', [LABEL.grant]: nodeName };
}
