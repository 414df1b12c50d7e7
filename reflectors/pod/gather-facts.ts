import { ANNOTATION } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { homeTokens } from './api-access.ts';
import { type Facts, isPredecessor } from './plan.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import { freshest, within } from './pod-memory.ts';
import type { PodParts } from './pod-run.ts';
import { BY_POD_UID } from './stored-pod.ts';

/** All that decides about one pod, from the caches. */
export function gatherFacts(
  { deps, locals, watches, link, memory }: PodParts,
  namespace: string,
  podUid: string,
): Facts {
  const notes = memory.peek(podUid);
  const cached = locals.byIndex(BY_POD_UID, podUid)[0];
  const local = cached === undefined ? undefined : freshest(cached, notes);
  const view = watches.of(namespace);
  const remotes = view?.pods(podUid) ?? [];
  const wrapper = view?.wrapper(podUid);
  const isThere = remotes.length > 0 || wrapper !== undefined;
  if (isThere && notes !== undefined) notes.creatingUntilMs = 0; // the cache has it: if it goes, it was deleted
  return {
    peer: deps.remote.peer,
    local,
    twin: deps.twins.twinOf(namespace),
    isTwinSynced: view?.isSynced ?? false,
    remotes,
    wrapper,
    departed: notes?.departed,
    isCreating: !isThere && within(deps.clock, notes?.creatingUntilMs ?? 0),
    hasPredecessor:
      local !== undefined && (view?.named(local.metadata.name) ?? []).some((o) => isPredecessor(o, podUid)),
    isApiPending: local !== undefined && isApiPending(deps, local),
    apiProblem: local && apiProblem(deps, local),
    unreachableSince: link.downSince,
  };
}

/**
 * Right after a peering was made its tunnel is not there yet, and a pod cannot be told the address later. After this long
 * it starts without.
 */
const API_PATIENCE_MS = 20_000;

function isApiPending({ homeApi, apiAccess, clock }: PodReflectorDeps, local: Pod): boolean {
  const { address, isExpected = false } = homeApi?.() ?? {};
  const { namespace = '', creationTimestamp = '' } = local.metadata;
  if (address !== undefined || !isExpected || homeTokens(local, apiAccess?.(namespace)).length === 0) return false;
  return clock.wall().getTime() - Date.parse(creationTimestamp) < API_PATIENCE_MS;
}

/** Only where somebody asks for that API: most pods never use the token that each of them gets. */
function apiProblem({ homeApi, apiAccess }: PodReflectorDeps, { metadata }: Pod): string | undefined {
  const wish = metadata.annotations?.[ANNOTATION.apiAccess] ?? apiAccess?.(metadata.namespace ?? '');
  if (wish !== 'home' || homeApi?.().isPossible !== false) return undefined;
  return 'it asks for the API of this cluster (tombolo.io/api-access: home), and this peering has no tunnel to it';
}
