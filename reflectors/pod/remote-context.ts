import type { Pod } from '#pkg/kube';
import type { PodReflectorDeps } from './pod-deps.ts';
import type { RemoteContext } from './to-remote.ts';

/** What the remote pod of `local` is made from besides it; undefined where its namespace has no twin. */
export function remoteContext(deps: PodReflectorDeps, local: Pod): RemoteContext | undefined {
  const namespace = local.metadata.namespace ?? '';
  const twin = deps.twins.twinOf(namespace);
  if (twin === undefined) return undefined;
  return {
    origin: deps.remote.origin,
    nodeName: deps.nodeName,
    twin,
    placement: deps.placement(),
    denyPrefixes: deps.denyPrefixes?.(namespace) ?? [],
    apiAccess: deps.apiAccess?.(namespace),
    homeApiAddress: deps.homeApi?.().address,
  };
}
