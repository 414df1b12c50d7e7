import type { Duplex, Readable } from 'node:stream';
import type { KubeObject, PartialObject, Ref } from './object.ts';
import type { Resource } from './resource.ts';
import type { Answer, Headers, Query } from './transport.ts';

export interface CallOptions {
  /** Abandons the call; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** At most so many objects. Default: all. */
  readonly limit?: number | undefined;
}

export interface WriteOptions extends CallOptions {
  /** The answer holds nothing but `metadata`: for large objects of which only the new version is of interest. Default false. */
  readonly metadataOnly?: boolean | undefined;
}

export interface ReplaceOptions extends WriteOptions {
  /** `status`, `scale`, … */
  readonly subresource?: string | undefined;
}

export interface ApplyOptions extends ReplaceOptions {
  /** One per component; owns the fields of the body, and gives up those that it leaves out. */
  readonly fieldManager: string;
  /** Takes fields from other managers. True only for fields that are ours by design. Default false: 409. */
  readonly force?: boolean | undefined;
}

export interface PatchOptions extends ReplaceOptions {
  /** RFC 6902, RFC 7386, or strategic merge (built-in kinds only). */
  readonly type: 'json' | 'merge' | 'strategic';
  readonly fieldManager?: string | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Precondition: nothing is deleted (409) where the object is another one of the same name. */
  readonly uid?: string | undefined;
  /** Precondition: nothing is deleted (409) where the object has changed. */
  readonly resourceVersion?: string | undefined;
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan' | undefined;
}

export interface RequestOptions extends CallOptions {
  /** Sent as it is where it is a string or bytes, as JSON otherwise. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Query | undefined;
  /** From the call to the last byte of the answer. Default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Reads and writes objects of one API server. Objects are plain JSON: nothing is dropped that we do not know.
 *
 * Every method but `request` and `stream` throws {@link KubeError} for an answer of 400 or more; every method throws it
 * (`isConnection`, status 0) where no answer came. A 429 is waited out and repeated within the time-out. Time-out of a
 * call: 30 s. Nothing is cached.
 */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource<T>, ref: Ref, options?: CallOptions): Promise<T>;
  /**
   * All objects, in pages of 500 that belong to one snapshot. For more than some hundred objects an informer is
   * cheaper. `apiVersion` and `kind` are filled in.
   */
  list<T extends KubeObject>(
    resource: Resource<T>,
    query?: ListOptions,
    options?: CallOptions,
  ): Promise<{ items: T[]; resourceVersion: string }>;
  /** POST. `apiVersion` and `kind` may be left out. Errors: `AlreadyExists`, `Invalid`, `Forbidden` (also quota). */
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** PUT. With `metadata.resourceVersion` in `object` it conflicts with changes made meanwhile. */
  replace<T extends KubeObject>(resource: Resource<T>, object: T, options?: ReplaceOptions): Promise<T>;
  /** Server-side apply (KEP-555). Creates what does not exist; with `metadata.uid` in the body it conflicts instead. */
  apply<T extends KubeObject>(resource: Resource<T>, object: PartialObject<T>, options: ApplyOptions): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, ref: Ref, body: unknown, options: PatchOptions): Promise<T>;
  /** Resolves when the server has accepted; finalizers and grace periods may keep the object. 404 throws. */
  delete(resource: Resource, ref: Ref, options?: DeleteOptions): Promise<void>;
  deleteCollection(
    resource: Resource,
    query: { readonly namespace?: string; readonly labelSelector?: string },
    options?: CallOptions,
  ): Promise<void>;
  /** POST to a subresource: `token`, `eviction`, `binding`, … */
  subresource<T>(resource: Resource, ref: Ref, name: string, body: unknown, options?: CallOptions): Promise<T>;
  /** Any request. Does not throw on a status, and does not wait out a 429. At most 64 MiB of answer. */
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /**
   * GET whose answer lasts (logs, metrics): no time-out after the head. The caller reads `body` to its end or destroys
   * it; aborting `signal` ends it.
   */
  stream(
    path: string,
    options: { readonly query?: Query; readonly signal: AbortSignal; readonly headers?: Record<string, string> },
  ): Promise<{ status: number; headers: Headers; body: Readable }>;
  /**
   * A raw socket to the API server (TLS done, ALPN http/1.1, through the relay where there is one), and the headers
   * that authenticate on it: for byte tunnels. The caller owns the socket. `host` is the Host header.
   */
  connect(signal: AbortSignal): Promise<{ socket: Duplex; headers: Record<string, string>; host: string }>;
  version(options?: CallOptions): Promise<{ gitVersion: string; major: string; minor: string; platform: string }>;
}
