import { isDeepStrictEqual } from 'node:util';
import type { EndpointSlice } from '#pkg/kube';
import { isHidden, standIn } from './stand-in.ts';
import type { Endpoint } from './choose-endpoints.ts';

export type SliceStep =
  | { readonly do: 'create' | 'replace' | 'delete'; readonly slice: EndpointSlice }
  /** Takes a slice of Kubernetes' own controller away from proxies, or gives it back. */
  | { readonly do: 'hide' | 'show'; readonly slice: EndpointSlice };

export interface SlicePlan {
  /** Slices of Kubernetes' own controller, of one Service. */
  readonly natives: readonly EndpointSlice[];
  /** Slices of ours that stand for such, of the same Service. */
  readonly standIns: readonly EndpointSlice[];
  /** What is left of a slice; undefined: nothing is preferred, proxies read the slices of Kubernetes. */
  readonly chosen: ((native: EndpointSlice) => Endpoint[]) | undefined;
}

/**
 * Steps in the order in which they must be taken: what takes over stands before what it replaces goes, so that at no moment
 * a Service has fewer endpoints than before and after. Proxies see changes of slices in that order. Pure.
 */
export function planSlices({ natives, standIns, chosen }: SlicePlan): SliceStep[] {
  const living = natives.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const wanted = chosen === undefined ? [] : living.map((native) => standIn(native, chosen(native)));
  const standing = new Map(standIns.map((slice) => [slice.metadata.name, slice]));
  const names = new Set(wanted.map(({ metadata }) => metadata.name));
  const isMarked = chosen === undefined;
  return [
    ...wanted.flatMap((slice) => stepsTo(slice, standing.get(slice.metadata.name))),
    ...living
      .filter((slice) => isHidden(slice) === isMarked)
      .map((slice) => ({ do: isMarked ? 'show' : 'hide', slice }) as const),
    ...standIns.filter(({ metadata }) => !names.has(metadata.name)).map((slice) => ({ do: 'delete', slice }) as const),
  ];
}

function stepsTo(slice: EndpointSlice, old: EndpointSlice | undefined): SliceStep[] {
  if (old === undefined) return [{ do: 'create', slice }];
  // Neither can be changed: what it stood for has been made anew under its name.
  if (old.addressType !== slice.addressType || ownerOf(old) !== ownerOf(slice)) {
    return [
      { do: 'delete', slice: old },
      { do: 'create', slice },
    ];
  }
  return isDeepStrictEqual(contentOf(slice), contentOf(old)) ? [] : [{ do: 'replace', slice: versioned(slice, old) }];
}

function ownerOf({ metadata }: EndpointSlice): string | undefined {
  return metadata.ownerReferences?.[0]?.uid;
}

/** The version makes it a conflict instead of a change of something that was not looked at. */
function versioned(slice: EndpointSlice, { metadata: { resourceVersion } }: EndpointSlice): EndpointSlice {
  return { ...slice, metadata: { ...slice.metadata, ...(resourceVersion !== undefined && { resourceVersion }) } };
}

/** All that is ours, in one shape: what is absent and what is empty are the same to the API. */
function contentOf({ metadata, endpoints, ports }: EndpointSlice) {
  return { labels: metadata.labels ?? {}, endpoints: endpoints ?? [], ports: ports ?? [] };
}
