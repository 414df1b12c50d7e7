import type { KubeClient } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';
import type { Identity } from '../identity/identity.ts';

/** How this cluster lends; from chart values. */
export interface ProviderOptions {
  /** What this cluster calls itself. */
  readonly clusterName: string;
  /** Version of ours. */
  readonly version: string;
  /**
   * `https://host:port` of our API server as consumers see it; wins over everything found by itself. Consumers need no
   * other name than it holds: it must be in the server's certificate.
   */
  readonly apiServer?: string;
  /** CA of `apiServer`, where it is not the cluster's own. */
  readonly apiServerCaPem?: string;
  /** Whether consumers may use the relay. Default true. */
  readonly relay?: boolean;
  /** False: consumers are told the relay only. Default true. */
  readonly announceApiServer?: boolean;
  /** Life of a consumer's token in seconds; default 3600, at least 600 (the API server gives nothing shorter). */
  readonly tokenLifetimeSeconds?: number;
  /** How long a request for approval waits, in seconds; default 86,400. */
  readonly requestLifetimeSeconds?: number;
}

/** What every part of the provider's side needs. */
export interface ProviderDeps {
  readonly client: KubeClient;
  readonly identity: Identity;
  readonly options: ProviderOptions;
  /** `host:port` where our own peering endpoint can be dialled. */
  readonly addresses: () => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}
