import type { Clock } from '#pkg/runtime';
import { call, parse } from './call.ts';
import type { ListOptions } from './client-interface.ts';
import type { KubeObject } from './object.ts';
import { collectionPath, type Resource, withTypeMeta } from './resource.ts';
import type { Request, Transport } from './transport.ts';

/** Big enough that 10,000 objects are 20 requests, small enough that parsing one page does not block for long. */
export const PAGE_SIZE = 500;
/** 5,000,000 objects. A server whose `continue` never ends is cut off here at the latest. */
const MAX_PAGES = 10_000;

export interface Page<T extends KubeObject> {
  readonly items: T[];
  /** The same for all pages of a list. */
  readonly resourceVersion: string;
  /** Size of the page as JSON. */
  readonly bytes: number;
}

export interface PageQuery extends Omit<ListOptions, 'limit'> {
  readonly pageSize?: number;
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The pages of one consistent list. A 410 in the middle (the continue token expired) throws `Gone`: the caller starts
 * over and must not mix pages of two lists.
 */
export async function* pages<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  query: PageQuery,
  clock: Clock,
): AsyncGenerator<Page<T>, void, undefined> {
  let continueToken: string | undefined;
  for (let number = 0; number < MAX_PAGES; number++) {
    const request: Request = {
      method: 'GET',
      path: collectionPath(resource, query.namespace),
      query: {
        labelSelector: query.labelSelector,
        fieldSelector: query.fieldSelector,
        limit: query.pageSize ?? PAGE_SIZE,
        continue: continueToken,
      },
      headers: query.accept === undefined ? undefined : { accept: query.accept },
      attempted: `list ${resource.plural}${query.namespace === undefined ? '' : ` in ${query.namespace}`}`,
      signal: query.signal,
    };
    const { body } = await call(transport, request, clock);
    const list = parse<ListBody<T>>(transport, request, body);
    const items = list.items ?? [];
    for (const item of items) withTypeMeta(resource, item);
    yield { items, resourceVersion: list.metadata?.resourceVersion ?? '', bytes: body.length };
    continueToken = list.metadata?.continue;
    if (continueToken === undefined || continueToken === '') return;
  }
}

interface ListBody<T> {
  metadata?: { resourceVersion?: string; continue?: string };
  /** Null in lists of some aggregated servers that hold nothing. */
  items?: T[] | null;
}
