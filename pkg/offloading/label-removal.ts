import type { Offloading } from '#pkg/api';

/**
 * On an Offloading: when its namespace was first seen without the label, or when we took the label away ourselves because
 * the object was deleted. From then on the label that may stand there belongs to the next Offloading. An annotation and
 * not memory: it decides what a deletion means, also after a restart.
 */
export const LABEL_REMOVED = 'tombolo.io/label-removed-at';

/** On an Offloading that the label alone made: when the label was first seen. */
export const MADE_BY_LABEL = 'tombolo.io/made-by-label-at';

export function isLabelRemovalNoted(offloading: Pick<Offloading, 'metadata'>): boolean {
  return offloading.metadata.annotations?.[LABEL_REMOVED] !== undefined;
}

/** Milliseconds since the time in that annotation; undefined without it, 0 where it lies in the future (another clock). */
export function ageOf(offloading: Pick<Offloading, 'metadata'>, annotation: string, now: Date): number | undefined {
  const text = offloading.metadata.annotations?.[annotation];
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? Number.POSITIVE_INFINITY : Math.max(0, now.getTime() - at);
}
