/** What is written of an Offloading: status, metadata, its end. Absent objects need no writing. */
import { FINALIZER, type Offloading, OFFLOADING, type OffloadingPeerState, typeMeta } from '#pkg/api';
import { isNotFound } from '#pkg/kube';
import type { OffloadingDeps } from './offloading-deps.ts';
import { offloadingStatus, type Summary } from './offloading-status.ts';

const FIELD_MANAGER = 'tombolo-offloading';

/** Before the first claim leaves: from now on the twin setting stands (fact 19). */
export async function activate(deps: OffloadingDeps, offloading: Offloading, signal: AbortSignal): Promise<Offloading> {
  const status = { ...offloading.status, activated: true, summary: offloading.status?.summary ?? 'Waiting' };
  return await applyStatus(deps, offloading, status, signal);
}

/** Writes the status where it would change, and returns the object as it is then. @throws KubeError */
export async function writeStatus(
  deps: OffloadingDeps,
  offloading: Offloading,
  states: readonly OffloadingPeerState[],
  verdict: { summary: Summary; message: string },
  signal: AbortSignal,
): Promise<Offloading> {
  const status = offloadingStatus(offloading, states, verdict, deps.clock.wall());
  return status === offloading.status ? offloading : await applyStatus(deps, offloading, status, signal);
}

async function applyStatus(
  deps: OffloadingDeps,
  offloading: Offloading,
  status: NonNullable<Offloading['status']>,
  signal: AbortSignal,
): Promise<Offloading> {
  const { name, namespace, uid } = offloading.metadata;
  const metadata = { name, ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }) };
  const body = { ...typeMeta(OFFLOADING), metadata, status };
  return await deps.client.apply<Offloading>(OFFLOADING, body, {
    fieldManager: FIELD_MANAGER,
    force: true,
    subresource: 'status',
    signal,
  });
}

/** Sets annotations, `null` removes one; conflicts as `patchOffloading` does. @throws KubeError */
export async function annotate(
  deps: OffloadingDeps,
  offloading: Offloading | undefined,
  annotations: Record<string, string | null>,
  signal: AbortSignal,
): Promise<void> {
  await patchOffloading(deps, offloading, { metadata: { annotations } }, signal);
}

/** A merge patch that conflicts with a change made meanwhile. @throws KubeError */
export async function patchOffloading(
  deps: OffloadingDeps,
  offloading: Offloading | undefined,
  body: { metadata: object },
  signal: AbortSignal,
): Promise<void> {
  if (offloading === undefined) return;
  const { resourceVersion, uid } = offloading.metadata;
  const guarded = { metadata: { ...body.metadata, uid, resourceVersion } };
  try {
    await deps.client.patch<Offloading>(OFFLOADING, refOf(offloading), guarded, {
      type: 'merge',
      fieldManager: FIELD_MANAGER,
      signal,
    });
  } catch (error) {
    absent(error);
  }
}

/** Lets a deleted Offloading go. @throws KubeError */
export async function removeFinalizer(
  deps: OffloadingDeps,
  offloading: Offloading,
  signal: AbortSignal,
): Promise<void> {
  const finalizers = (offloading.metadata.finalizers ?? []).filter((entry) => entry !== FINALIZER.offloading);
  await patchOffloading(deps, offloading, { metadata: { finalizers } }, signal);
}

/** Namespace and name, to address it by. */
export function refOf({ metadata: { name, namespace } }: Offloading) {
  return { name, ...(namespace !== undefined && { namespace }) };
}

/** What is not there need not be changed. */
export function absent(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
