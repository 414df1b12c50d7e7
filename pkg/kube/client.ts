import type { Clock } from '#pkg/runtime';
import { acceptHeader } from './accept.ts';
import { call, callJson } from './call.ts';
import type { KubeClient, ListOptions } from './client-interface.ts';
import { KubeError } from './errors.ts';
import type { KubeObject, Ref } from './object.ts';
import { PAGE_SIZE, pages } from './pages.ts';
import { apiVersionOf, collectionPath, describeRef, objectPath, type Resource } from './resource.ts';
import type { Request, Transport } from './transport.ts';

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

/** Times that a list is started over because its continue token expired, before the caller hears of it. */
const MAX_RESTARTS = 3;

export function createClient(transport: Transport, clock: Clock): KubeClient {
  const json = <T>(request: Request) => callJson<T>(transport, request, clock);

  return {
    get: (resource, ref, options = {}) =>
      json({
        method: 'GET',
        path: objectPath(resource, ref),
        attempted: `get ${describeRef(resource, ref)}`,
        ...options,
      }),

    async list(resource, query = {}, options = {}) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await collect(transport, resource, { ...query, ...options }, clock);
        } catch (error) {
          if (!(error instanceof KubeError && error.isGone) || attempt > MAX_RESTARTS) throw error;
        }
      }
    },

    create: (resource, object, { metadataOnly = false, signal } = {}) =>
      json({
        method: 'POST',
        path: collectionPath(resource, namespaceOf(resource, object)),
        headers: { accept: acceptHeader(metadataOnly) },
        body: encode(resource, object),
        attempted: `create ${describeRef(resource, object.metadata)}`,
        signal,
      }),

    replace: (resource, object, { subresource, metadataOnly = false, signal } = {}) =>
      json({
        method: 'PUT',
        path: objectPath(resource, object.metadata, subresource),
        headers: { accept: acceptHeader(metadataOnly) },
        body: encode(resource, object),
        attempted: `replace ${describeRef(resource, object.metadata)}`,
        signal,
      }),

    apply: (resource, object, { fieldManager, force, subresource, metadataOnly = false, signal }) =>
      json({
        method: 'PATCH',
        path: objectPath(resource, object.metadata, subresource),
        query: { fieldManager, force: force === true ? true : undefined },
        // A JSON document is a YAML document.
        headers: { 'content-type': 'application/apply-patch+yaml', accept: acceptHeader(metadataOnly) },
        body: encode(resource, object),
        attempted: `apply ${describeRef(resource, object.metadata)}`,
        signal,
      }),

    patch: (resource, ref, body, { type, subresource, fieldManager, metadataOnly = false, signal }) =>
      json({
        method: 'PATCH',
        path: objectPath(resource, ref, subresource),
        query: { fieldManager },
        headers: { 'content-type': PATCH_TYPES[type], accept: acceptHeader(metadataOnly) },
        body: JSON.stringify(body),
        attempted: `patch ${describeRef(resource, ref)}`,
        signal,
      }),

    async delete(resource, ref, { uid, resourceVersion, gracePeriodSeconds, propagationPolicy, signal } = {}) {
      await call(
        transport,
        {
          method: 'DELETE',
          path: objectPath(resource, ref),
          body: JSON.stringify({
            kind: 'DeleteOptions',
            apiVersion: 'v1',
            ...((uid ?? resourceVersion) !== undefined && { preconditions: { uid, resourceVersion } }),
            gracePeriodSeconds,
            propagationPolicy,
          }),
          attempted: `delete ${describeRef(resource, ref)}`,
          signal,
        },
        clock,
      );
    },

    async deleteCollection(resource, { namespace, labelSelector }, options = {}) {
      // Without this check a forgotten namespace would empty the whole cluster.
      if (resource.namespaced && namespace === undefined) {
        throw new TypeError(`all ${resource.plural} of all namespaces would be deleted: name a namespace`);
      }
      await call(
        transport,
        {
          method: 'DELETE',
          path: collectionPath(resource, namespace),
          query: { labelSelector },
          attempted: `delete all ${resource.plural}${namespace === undefined ? '' : ` in ${namespace}`}`,
          ...options,
        },
        clock,
      );
    },

    subresource: (resource, ref, name, body, options = {}) =>
      json({
        method: 'POST',
        path: objectPath(resource, ref, name),
        body: JSON.stringify(body),
        attempted: `create ${name} of ${describeRef(resource, ref)}`,
        ...options,
      }),

    request: (method, path, { body, ...options } = {}) =>
      transport.send({ method, path, body: encodeBody(body), ...options }),

    stream: (path, options) => transport.open({ method: 'GET', path, ...options }),

    connect: (signal) => transport.connect(signal),

    version: (options = {}) => json({ method: 'GET', path: '/version', attempted: 'read the version', ...options }),
  };
}

async function collect<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  { limit = Number.POSITIVE_INFINITY, ...query }: ListOptions & { signal?: AbortSignal | undefined },
  clock: Clock,
): Promise<{ items: T[]; resourceVersion: string }> {
  const items: T[] = [];
  let resourceVersion = '';
  for await (const page of pages(transport, resource, { ...query, pageSize: Math.min(limit, PAGE_SIZE) }, clock)) {
    // Not push(...page.items): a server may ignore the page size, and arguments are bounded.
    for (const item of page.items) items.push(item);
    resourceVersion = page.resourceVersion;
    if (items.length >= limit) break;
  }
  return { items: items.length > limit ? items.slice(0, limit) : items, resourceVersion };
}

function namespaceOf(resource: Resource, object: { metadata: Partial<Ref> }): string | undefined {
  if (resource.namespaced && object.metadata.namespace === undefined) {
    throw new TypeError(`${resource.kind} "${object.metadata.name}" has no namespace`);
  }
  return object.metadata.namespace;
}

function encode(resource: Resource, object: object): string {
  return JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });
}

function encodeBody(body: unknown): string | Buffer | undefined {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return body;
  return JSON.stringify(body);
}
