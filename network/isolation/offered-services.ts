import type { OpenPort } from '#network/nat';
import { LABEL } from '#pkg/api';
import type { EndpointSlice, KubeObject } from '#pkg/kube';

/** Kubernetes copies the labels of a Service to the slices that it makes for it: they alone are watched. */
export const OFFER_SELECTOR = LABEL.offer;

/** Value of the label for everybody. Peer names are lower case, and `*` is no value that a label may have. */
const EVERYBODY = 'All';

/** Several peers in one label: a dot is in no peer name. */
const SEPARATOR = '.';

/** What is open to whom. */
export interface Offer {
  readonly everybody: readonly OpenPort[];
  readonly peers: ReadonlyMap<string, readonly OpenPort[]>;
}

/**
 * Ports of Services that the provider offers (`tombolo.io/offer=<peer>`, `<peer>.<peer>` or `All`). Pure.
 * @param twins namespaces with the origin label: what a tenant labels there offers nothing
 */
export function offersOf(slices: readonly EndpointSlice[], twins: readonly KubeObject[]): Offer {
  const foreign = new Set(twins.map(({ metadata }) => metadata.name));
  const everybody: OpenPort[] = [];
  const peers = new Map<string, OpenPort[]>();
  for (const slice of slices) {
    if (foreign.has(slice.metadata.namespace ?? '')) continue;
    const open = openPorts(slice);
    for (const peer of (slice.metadata.labels?.[LABEL.offer] ?? '').split(SEPARATOR)) {
      if (peer === EVERYBODY) everybody.push(...open);
      else if (peer !== '') peers.set(peer, [...(peers.get(peer) ?? []), ...open]);
    }
  }
  return { everybody, peers };
}

/** Whether an object with the offer label is offered to `peer`. */
export function offeredTo({ metadata }: KubeObject, peer: string): boolean {
  return (metadata.labels?.[LABEL.offer] ?? '').split(SEPARATOR).some((name) => name === peer || name === EVERYBODY);
}

/** Where the endpoints of a Service listen, also those that are not ready: whether they are asked is not decided here. */
export function openPorts({ metadata, ports, endpoints, addressType }: EndpointSlice): OpenPort[] {
  if (metadata.labels?.['kubernetes.io/service-name'] === undefined || addressType === 'FQDN') return [];
  return (endpoints ?? []).flatMap(({ addresses }) =>
    addresses.flatMap((address) =>
      (ports ?? []).flatMap(({ port, protocol = 'TCP' }): OpenPort[] => {
        const name = protocol.toLowerCase();
        const isKnown = name === 'tcp' || name === 'udp' || name === 'sctp';
        return port === undefined || !isKnown ? [] : [`${address} . ${name} . ${port}`];
      }),
    ),
  );
}
