import type { Cluster, EventRecorder } from '#pkg/kube';
import type { DiscoveryMetrics } from '#pkg/discovery';
import type { WebhookCertificates } from '#pkg/offloading';
import type { Identity, ProviderOptions } from '#pkg/peering';
import type { Clock, Log, RuntimeMetrics } from '#pkg/runtime';
import type { ReplicaCaches } from './caches.ts';
import type { ControllerFlags } from './flags.ts';

/** What all parts of the controller share. */
export interface ControllerContext {
  readonly flags: ControllerFlags;
  readonly home: Cluster;
  readonly identity: Identity;
  readonly provider: ProviderOptions;
  readonly addresses: () => readonly string[];
  readonly caches: ReplicaCaches;
  readonly events: EventRecorder;
  readonly certificates: WebhookCertificates;
  readonly metrics: RuntimeMetrics;
  readonly discoveryMetrics: DiscoveryMetrics;
  readonly clock: Clock;
  readonly log: Log;
}
