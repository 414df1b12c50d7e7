import { LABEL, type Peer } from '#pkg/api';
import type {
  CertificateSigningRequest,
  Lease,
  MutatingWebhookConfiguration,
  Pod,
  ValidatingWebhookConfiguration,
} from '#pkg/kube';
import type { ClusterInfo } from '../installed.ts';
import type { ProcessState } from '../install/readiness.ts';
import type { Facts as StatusFacts } from '../status/read.ts';
import type { StatusView } from '../status/view.ts';

/** Whether the API server gets an answer of our webhook, as it said itself when it was made to ask. */
export type WebhookAnswer =
  | { readonly state: 'answers' }
  | { readonly state: 'silent'; readonly why: string }
  | { readonly state: 'unknown'; readonly why: string };

/** The other cluster of a peering, where a kubeconfig for it was given. */
export interface RemoteFacts {
  readonly name: string;
  /** Its API server minus this machine, in milliseconds. */
  readonly clockOffsetMs: number;
  readonly info: ClusterInfo | undefined;
  readonly processes: readonly ProcessState[];
  readonly peers: readonly Peer[];
}

/** Everything that the checks judge. What could not be read is empty, and named in `status.unreadable`. */
export interface Facts {
  /** What `tombolo status` reads, and what it says of it. */
  readonly status: StatusFacts;
  readonly view: StatusView;
  /** Those that are asked about. */
  readonly peers: readonly Peer[];
  /** The API server minus this machine, in milliseconds. */
  readonly clockOffsetMs: number;
  /** Of ours. */
  readonly pods: readonly Pod[];
  readonly gatewayLease: Lease | undefined;
  readonly requests: readonly CertificateSigningRequest[];
  readonly webhook: WebhookAnswer;
  /** How many pods behind its Service are ready. */
  readonly webhookEndpoints: number;
  /** Absent: there is no such configuration. */
  readonly webhookConfigurations: {
    readonly mutating: MutatingWebhookConfiguration | undefined;
    readonly validating: ValidatingWebhookConfiguration | undefined;
  };
  /** Absent: none was given, or it did not answer. */
  readonly remote?: RemoteFacts;
  readonly remoteProblem?: string;
}

export type Component = 'controller' | 'kubelet' | 'gateway';

/** Running pods of one process that answer their probe. */
export function readyPods({ pods }: Pick<Facts, 'pods'>, component: Component): Pod[] {
  return pods.filter(
    ({ metadata, status }) =>
      metadata.labels?.[LABEL.component] === component &&
      metadata.deletionTimestamp === undefined &&
      status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true,
  );
}

/** Where a process of ours sends from: `gateway of milan (pod tombolo-gateway-7d on node milan-1, 198.18.0.2)`. */
export function placeOf(facts: Facts, component: Component): string {
  const ready = readyPods(facts, component);
  const holder = facts.gatewayLease?.spec?.holderIdentity;
  const isActive = ({ metadata }: Pod) =>
    component === 'gateway' ? metadata.uid === holder : metadata.labels?.[LABEL.leader] === 'true';
  const pod = ready.find(isActive) ?? ready[0];
  const what = `${component} of ${facts.view.cluster.name}`;
  if (pod === undefined) return what;
  const { nodeName = 'unknown' } = pod.spec ?? {};
  const address = pod.status?.hostIP === undefined ? '' : `, ${pod.status.hostIP}`;
  return `${what} (pod ${pod.metadata.name} on node ${nodeName}${address})`;
}

/** What the other cluster says, where it is that of `peer`. */
export function remoteOf({ remote }: Facts, peer: Peer): RemoteFacts | undefined {
  const fingerprint = peer.status?.fingerprint ?? peer.spec.fingerprint;
  return remote?.info?.fingerprint !== undefined && remote.info.fingerprint === fingerprint ? remote : undefined;
}
