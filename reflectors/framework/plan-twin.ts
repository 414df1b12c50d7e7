import type { KubeObject } from '#pkg/kube';
import { fingerprint, shape, type TwinObject } from './twin-object.ts';

/** What this process last made of a twin object. */
export interface Applied {
  readonly fingerprint: string;
  /** resourceVersion that our write gave it. */
  readonly version: string;
  /** Versions from before that write, which a cache may still show. */
  readonly older: ReadonlySet<string>;
  /** Its managed fields are those of an apply (`managed-fields.ts`). */
  readonly isAdopted: boolean;
}

export type TwinStep = 'none' | 'create' | 'apply' | 'replace' | 'delete';

/**
 * What makes the twin object what it should be. A version that we did not write means that somebody has changed it; the
 * fields are not in memory, so our own are applied again, which stores nothing where they are as they should be (REF-27).
 * After a restart the fingerprint on the object stands for our memory. Pure.
 * @param wanted undefined: there should be none
 * @param standing metadata of the object with our label that stands there
 */
export function planTwin(
  wanted: TwinObject | undefined,
  standing: KubeObject | undefined,
  applied: Applied | undefined,
): TwinStep {
  if (standing === undefined) return wanted === undefined ? 'none' : 'create';
  // What carries our label without a fingerprint was made by the provider's controller for us (the owner of bare pods).
  if (wanted === undefined) {
    return standing.metadata.deletionTimestamp === undefined && fingerprint(standing) !== '' ? 'delete' : 'none';
  }
  if (shape(standing) !== shape(wanted)) return 'replace';
  if (applied === undefined) return fingerprint(standing) === fingerprint(wanted) ? 'none' : 'apply';
  if (applied.fingerprint !== fingerprint(wanted)) return 'apply';
  const version = standing.metadata.resourceVersion ?? '';
  return version === applied.version || applied.older.has(version) ? 'none' : 'apply';
}
