import { GROUP } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { shownRemoteUid } from './offloaded-condition.ts';
import { type ContainerStatus, hasRun } from './pod-types.ts';

/**
 * Restart counts that never fall although the remote pod may be another one than before (POD-18, POD-19).
 *
 * shown = before + remote count, where `before` is empty for the first remote pod. When another remote pod takes over,
 * `before` becomes "last shown + 1" per container and is written, once, as an annotation onto that remote pod: so it lives
 * exactly as long as what it belongs to, and any replica or restart of ours reads the same. Which remote pod the shown
 * counts belong to stands in the condition `tombolo.io/Offloaded` (`offloaded-condition.ts`).
 */
export const RESTARTS_BEFORE = `${GROUP}/restarts-before`;

/** Restarts per container that happened before this remote pod existed. */
export type RestartsBefore = Readonly<Record<string, number>>;

export interface RestartOffset {
  readonly before: RestartsBefore;
  /** The remote pod is a new one: `before` must be written onto it before the counts are shown. */
  readonly isNew: boolean;
}

/** Pure: the same two pods always give the same answer. */
export function restartOffset(local: Pod, remote: Pod): RestartOffset {
  const stored = remote.metadata.annotations?.[RESTARTS_BEFORE];
  if (stored !== undefined) return { before: parseRestartsBefore(stored), isNew: false };
  const shownUid = shownRemoteUid(local);
  if (shownUid === remote.metadata.uid || !hasRun(local)) return { before: {}, isNew: false };
  if (shownUid !== undefined) return { before: shownPlus(local, 1), isNew: true };
  // Nothing says which remote pod the counts belong to: a refusal stands there, of a re-created pod that has not run
  // since. Its counts include that re-creation already.
  return fallsBehind(local, remote) ? { before: shownPlus(local, 0), isNew: true } : { before: {}, isNew: false };
}

/**
 * Count to show. The maximum with what was shown keeps the promise even where somebody removed the annotation.
 * @param shown the local status of that container, if it has one
 */
export function shownRestartCount(
  remote: ContainerStatus,
  before: RestartsBefore,
  shown: ContainerStatus | undefined,
): number {
  const offset = Object.hasOwn(before, remote.name) ? (before[remote.name] ?? 0) : 0;
  return Math.max(offset + remote.restartCount, shown?.restartCount ?? 0);
}

export function formatRestartsBefore(before: RestartsBefore): string {
  return JSON.stringify(before);
}

/** Text that is not ours counts as nothing: the counts then rest on what was shown. */
function parseRestartsBefore(text: string): RestartsBefore {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return {}; // edited by hand: shownRestartCount still never falls
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  return Object.fromEntries(
    Object.entries(parsed).filter(
      (entry): entry is [string, number] => Number.isSafeInteger(entry[1]) && (entry[1] as number) >= 0,
    ),
  );
}

function shownPlus(local: Pod, more: number): RestartsBefore {
  return Object.fromEntries(statuses(local).map(({ name, restartCount }) => [name, restartCount + more]));
}

function fallsBehind(local: Pod, remote: Pod): boolean {
  const there = new Map(statuses(remote).map((status) => [status.name, status.restartCount]));
  return statuses(local).some(({ name, restartCount }) => restartCount > (there.get(name) ?? 0));
}

function statuses(pod: Pod): readonly ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}
