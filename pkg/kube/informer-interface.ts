import type { KubeObject } from './object.ts';
import type { Indexers } from './store.ts';

export interface InformerOptions<T extends KubeObject> {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Only `apiVersion`, `kind` and `metadata` are read (PartialObjectMetadata). Default false. */
  readonly metadataOnly?: boolean | undefined;
  /** Secondary indexes by name; the functions are pure. */
  readonly indexes?: Indexers<T> | undefined;
  /** Makes objects smaller before they are stored. Gets an object of its own, may change it. managedFields are gone already. */
  readonly transform?: ((object: T) => T) | undefined;
  /** More objects than that end the reading with `TooLarge`. Default 100,000. */
  readonly maxObjects?: number | undefined;
  /**
   * False: objects are handed to the handlers and not kept, for a stream in which nobody looks anything up (Events). `get`,
   * `list` and indexes find nothing, deletions are not reported, and a list that is read again reports everything again.
   * Default true.
   */
  readonly keep?: boolean | undefined;
  /** So many bytes of JSON, in the store and for one first reading, end it with `TooLarge`. Default 512 MiB. */
  readonly maxBytes?: number | undefined;
}

/**
 * Called after the store has changed. Added: `old` undefined; deleted: `current` undefined and `old` the last state;
 * another object under the same name: deleted, then added. `isInitial`: part of the first reading, or of the replay
 * for a handler that came later. Must not throw; what it throws is reported as an error of the informer.
 */
export type InformerHandler<T> = (old: T | undefined, current: T | undefined, isInitial: boolean) => void;

/**
 * A copy of a set of objects, kept up to date by a watch that never gives up. Objects are shared: never change them.
 */
export interface Informer<T extends KubeObject> {
  /** Reads and watches until `signal` aborts or the cluster is closed; then resolves. Once per informer. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves when the first reading is complete; rejects with the signal's reason where `run` ends before that. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** Monotonic time (`Clock.now()`) of the last byte from the server; `-Infinity` before the first. */
  readonly lastContactMs: number;
  /** @param key `namespace/name`, or `name` */
  get(key: string): T | undefined;
  list(): T[];
  /** Objects with that value in a declared index. */
  byIndex(index: string, value: string): T[];
  readonly size: number;
  /** Existing objects are replayed to the handler at once, within this call. */
  on(handler: InformerHandler<T>): Disposable;
  /** Told of each failed attempt; the informer goes on by itself. */
  onError(handler: (error: unknown) => void): Disposable;
}
