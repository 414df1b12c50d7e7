import type { EndpointSlice } from '#pkg/kube';

export type Endpoint = EndpointSlice['endpoints'][number];

/** Ports of a Service, each in one family, at which somebody answers; to be asked by {@link isServed}. */
export type ServedPorts = ReadonlySet<string>;

/**
 * Where the endpoints that count have a ready one, by family and port: a pod without a port of that name, or without an
 * address of that family, does not answer there. Pure.
 */
export function portsServed(slices: readonly EndpointSlice[], counts: (endpoint: Endpoint) => boolean): ServedPorts {
  const hasReady = ({ endpoints }: EndpointSlice) =>
    (endpoints ?? []).some((endpoint) => isReady(endpoint) && counts(endpoint));
  return new Set(slices.flatMap((slice) => (hasReady(slice) ? portsOf(slice) : [])));
}

/**
 * Whether each port of a slice is served: only then can its endpoints be left out without a port that answers nobody. A
 * slice has one set of ports for all its endpoints, so one port that is not served keeps them all. Pure.
 */
export function isServed(slice: EndpointSlice, served: ServedPorts): boolean {
  const ports = portsOf(slice);
  return ports.length > 0 && ports.every((port) => served.has(port));
}

/**
 * The endpoints of each slice that proxies shall use: the preferred ones alone where those serve all of its ports,
 * otherwise all, and what is ready among them is chosen as if nobody preferred anything. Pure.
 * @param served where preferred endpoints are ready, in these slices or elsewhere
 */
export function chosenEndpoints(
  slice: EndpointSlice,
  served: ServedPorts,
  isPreferred: (endpoint: Endpoint) => boolean,
): Endpoint[] {
  const endpoints = slice.endpoints ?? [];
  return isServed(slice, served) ? endpoints.filter(isPreferred) : endpoints;
}

/** Absent is ready (discovery/v1): what is not known is not held against it. */
function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

/** The name and protocol of a port is what the Service calls it; its number may differ between pods. */
function portsOf({ addressType, ports }: EndpointSlice): string[] {
  return (ports ?? []).map(({ name = '', protocol = 'TCP' }) => `${addressType} ${protocol} ${name}`);
}
