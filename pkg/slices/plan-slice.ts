import { isDeepStrictEqual } from 'node:util';
import type { EndpointSlice } from '#pkg/kube';

export type SliceStep = 'none' | 'create' | 'replace' | 'recreate' | 'delete';

/**
 * What makes the slice that stands the one that is wanted. The type of its addresses is fixed by the API, and its owner may
 * be another object of the same name: then it is made anew. Pure.
 */
export function planSlice(wanted: EndpointSlice | undefined, standing: EndpointSlice | undefined): SliceStep {
  if (wanted === undefined) return isStanding(standing) ? 'delete' : 'none';
  if (standing === undefined) return 'create';
  if (!isStanding(standing)) return 'none'; // it goes, and that brings us back
  if (wanted.addressType !== standing.addressType || ownerUid(wanted) !== ownerUid(standing)) return 'recreate';
  return isDeepStrictEqual(contentOf(wanted), contentOf(standing)) ? 'none' : 'replace';
}

function isStanding(slice: EndpointSlice | undefined): slice is EndpointSlice {
  return slice !== undefined && slice.metadata.deletionTimestamp === undefined;
}

function ownerUid({ metadata }: EndpointSlice): string | undefined {
  return metadata.ownerReferences?.[0]?.uid;
}

/** All that is ours, as text of one shape: what is absent and what is empty are the same to the API. */
function contentOf({ metadata, endpoints, ports }: EndpointSlice) {
  const { labels = {}, annotations = {} } = metadata;
  return { labels, annotations, endpoints: endpoints ?? [], ports: ports ?? [] };
}
