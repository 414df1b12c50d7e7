import { NAME, tenantNamespace } from '#pkg/api';
import { CONFIG_MAP, KubeError, type Pod } from '#pkg/kube';
import type { RemoteCluster } from './pod-deps.ts';
import type { ProviderLink } from './provider-link.ts';

/**
 * How the remote pod of a local one ended, where the provider has kept it because we were away: the pod with its metadata,
 * node and status. Undefined where nothing is known of it.
 * @throws PodError `ProviderUnreachable` (retryable); KubeError for other answers
 */
export async function readVerdict(
  podUid: string,
  { remote, link }: { readonly remote: RemoteCluster; readonly link: ProviderLink },
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const ref = { namespace: tenantNamespace(remote.origin), name: NAME.verdicts };
  try {
    const { data } = await link.call((s) => remote.cluster.client.get(CONFIG_MAP, ref, { signal: s }), signal);
    return data !== undefined && Object.hasOwn(data, podUid) ? parsePod(data[podUid]) : undefined;
  } catch (error) {
    // Nothing was kept yet; or the provider is older than this and gives no right to ask.
    if (error instanceof KubeError && (error.isNotFound || error.isForbidden)) return undefined;
    throw error;
  }
}

/** Text that is no pod tells nothing. */
function parsePod(text: string | undefined): Pod | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? '');
  } catch {
    return undefined; // written by hand: as if nothing was kept
  }
  const isPod =
    typeof parsed === 'object' && parsed !== null && 'metadata' in parsed && typeof parsed.metadata === 'object';
  return isPod ? (parsed as Pod) : undefined; // the provider's own word; what it lacks reads as not there
}
