import type { Pod } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import type { Refusal } from './refusal.ts';
import type { ResizeNotes } from './resize.ts';
import type { RestartsBefore } from './restarts.ts';

/**
 * What a process knows about one pod beyond the caches: answers that the caches have not seen yet, and when something was
 * last done. Nothing that decides is only here: a new process starts without any of it and comes to the same result.
 */
export interface PodNotes {
  /** Until then a create or delete of ours may be missing in the caches (monotonic ms). */
  creatingUntilMs: number;
  removedUntilMs: number;
  /** First removal of this pod's objects there, to know when to insist. */
  removingSinceMs: number | undefined;
  /** When a status difference was first seen that is held back to be written with others. */
  dirtySinceMs: number | undefined;
  refusalWrittenMs: number;
  retriedMs: number;
  /** Answer to our last status write, valid while the cache holds a version from before it. */
  written: { readonly older: ReadonlySet<string>; readonly pod: Pod } | undefined;
  /** Offset that was written onto a remote pod whose annotation the cache may lack. */
  restarts: { readonly remoteUid: string | undefined; readonly before: RestartsBefore } | undefined;
  /** The Secret of its tokens: until when nothing is done about it, and why the last try failed. */
  token: { waitUntilMs: number; failures: number; refusal: Refusal | undefined };
  /** Last state of a remote pod that ended and is gone, seen here or kept by the provider. */
  departed: Pod | undefined;
  /** Changes of a living pod that the provider refused, by what they change: at most one of each kind. */
  readonly refusedChanges: Map<string, string>;
  resize: ResizeNotes | undefined;
  /** Patch that the API server did not take over, so that it is not sent again and again. */
  refusedPatch: string | undefined;
}

/** How long a cache may lag behind an answer before we look for ourselves. */
export const CACHE_LAG_MS = 10_000;

export interface PodMemory {
  of(podUid: string): PodNotes;
  peek(podUid: string): PodNotes | undefined;
  /** The pod is gone on both sides. */
  forget(podUid: string): void;
}

/** Holds at most one entry per pod that is in a cache: the reflector forgets those that are gone. */
export function createPodMemory(): PodMemory {
  const notes = new Map<string, PodNotes>();
  return {
    of(uid) {
      let entry = notes.get(uid);
      if (entry === undefined) {
        entry = {
          creatingUntilMs: 0,
          removedUntilMs: 0,
          removingSinceMs: undefined,
          dirtySinceMs: undefined,
          refusalWrittenMs: Number.NEGATIVE_INFINITY,
          retriedMs: Number.NEGATIVE_INFINITY,
          written: undefined,
          restarts: undefined,
          token: { waitUntilMs: Number.NEGATIVE_INFINITY, failures: 0, refusal: undefined },
          departed: undefined,
          refusedChanges: new Map(),
          resize: undefined,
          refusedPatch: undefined,
        };
        notes.set(uid, entry);
      }
      return entry;
    },
    peek: (uid) => notes.get(uid),
    forget: (uid) => void notes.delete(uid),
  };
}

/** The local pod as we last wrote it, while the cache still shows a version from before. */
export function freshest(cached: Pod, notes: PodNotes | undefined): Pod {
  if (notes?.written === undefined) return cached;
  if (notes.written.older.has(cached.metadata.resourceVersion ?? '')) return notes.written.pod;
  notes.written = undefined;
  return cached;
}

/** Notes the answer to a write that was made on `before`. */
export function noteWritten(notes: PodNotes, before: Pod, answer: Pod): void {
  const older = new Set(notes.written?.older).add(before.metadata.resourceVersion ?? '');
  notes.written = { older, pod: answer };
}

export function within(clock: Clock, untilMs: number): boolean {
  return clock.now() < untilMs;
}
