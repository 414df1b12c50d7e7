import type { Pod } from '#pkg/kube';
import { lostContainer } from './lost-container.ts';
import type { ContainerStatus, PodSpec } from './pod-types.ts';
import { type RemoteContext, remoteContainer } from './to-remote.ts';

type EphemeralContainer = NonNullable<PodSpec['ephemeralContainers']>[number];

/**
 * Ephemeral containers that `remote` is still to get (POD-62). They belong to one living pod and cannot be part of a new
 * one, so one that has run in an earlier remote pod, which its status tells, is not run again. Pure.
 */
export function missingEphemerals(local: Pod, remote: Pod, context: RemoteContext): EphemeralContainer[] {
  const wanted = local.spec?.ephemeralContainers ?? [];
  if (wanted.length === 0) return [];
  const there = new Set((remote.spec?.ephemeralContainers ?? []).map(({ name }) => name));
  const ran = new Set((local.status?.ephemeralContainerStatuses ?? []).map(({ name }) => name));
  return wanted.filter(({ name }) => !there.has(name) && !ran.has(name)).map(remoteContainer(local, context));
}

/** Statuses to show: those of the remote pod, and the ends of those that went with an earlier one. */
export function shownEphemerals(
  there: readonly ContainerStatus[] | undefined,
  here: readonly ContainerStatus[] | undefined,
): ContainerStatus[] | undefined {
  const living = new Set((there ?? []).map(({ name }) => name));
  const gone = (here ?? []).filter(({ name }) => !living.has(name)).map(lostContainer);
  const shown = [...gone, ...(there ?? [])];
  return shown.length === 0 ? undefined : shown;
}
