import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { type KubeClient, outsideAddresses } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';
import type { Identity } from '../identity/identity.ts';
import { announcedApi } from '../provider/api-address.ts';
import type { ProviderOptions } from '../provider/options.ts';
import { writeClusterInfo } from './cluster-info.ts';

export interface PublishClusterInfoDeps {
  readonly client: KubeClient;
  readonly identity: Identity;
  readonly options: ProviderOptions;
  /** `host:port` from the chart; wins over what is found. */
  readonly configuredAddresses?: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Addresses of nodes and balancers change seldom; an invite that is a minute stale still has other addresses. */
const EVERY_MS = 60_000;
const AFTER_FAILURE_MS = 5_000;

const PEERING_SERVICE = { namespace: SYSTEM_NAMESPACE, name: NAME.peeringService };

/** Keeps ConfigMap `tombolo-cluster` true until `signal` aborts. Run by the leader. */
export async function publishClusterInfo(deps: PublishClusterInfoDeps, signal: AbortSignal): Promise<void> {
  const { client, identity, options, configuredAddresses = [], clock, log } = deps;
  while (!signal.aborted) {
    let waitMs = EVERY_MS;
    try {
      const found =
        configuredAddresses.length > 0
          ? [...configuredAddresses]
          : await outsideAddresses(client, PEERING_SERVICE, signal);
      const { servers } = await announcedApi(client, options, signal);
      const info = {
        fingerprint: identity.fingerprint,
        addresses: found,
        version: options.version,
        apiServer: servers[0] ?? '',
      };
      await writeClusterInfo(client, info, signal);
      if (found.length === 0) waitMs = AFTER_FAILURE_MS; // a balancer that is being made
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ error: String(error) }, 'what this cluster says of itself could not be written; tried again');
      waitMs = AFTER_FAILURE_MS;
    }
    await clock.sleep(waitMs, signal).catch(() => {}); // rejects only when the signal aborts, which ends the loop
  }
}
