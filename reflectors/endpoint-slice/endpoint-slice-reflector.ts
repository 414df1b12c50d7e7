import { ENDPOINT_SLICE, type EndpointSlice, SERVICE } from '#pkg/kube';
import { defineReflector, pick, type Reflector, type TwinFields } from '#reflectors/framework';
import { serviceOf, twinSliceLabels, twinSliceName } from './slice-identity.ts';

type Endpoint = EndpointSlice['endpoints'][number];

/** Labels and annotations of home mean nothing on a slice that only our controller there reads; some change with each pod. */
const EVERY_KEY = [''];

/** As many the API takes in one endpoint, and none twice. */
const MAX_ADDRESSES = 100;

export interface EndpointSliceView {
  /** Whether a node of that name is one of this provider's own virtual nodes: its pods are endpoints there already. */
  isOwnNode(nodeName: string): boolean;
}

/**
 * Slices for one provider: one for each at home that has an endpoint which the provider does not have itself (REF-39). One
 * of home gives one there, so a pod that comes or goes writes one slice, and the bounds of home hold there too: 100
 * endpoints by Kubernetes' default, 1,000 endpoints of 100 addresses by its API. They follow their Service (REF-47).
 */
export function endpointSliceReflector(view: EndpointSliceView): Reflector {
  return defineReflector<EndpointSlice>({
    resource: ENDPOINT_SLICE,
    owner: { resource: SERVICE, nameOf: serviceOf },
    twinName: twinSliceName,
    toTwin: (local) => twinSlice(local, view),
  });
}

function twinSlice(local: EndpointSlice, view: EndpointSliceView): TwinFields | undefined {
  const service = serviceOf(local);
  // What an FQDN slice names would mean another host there; nothing in Kubernetes reads such slices.
  if (service === undefined || local.addressType === 'FQDN' || isOfApiServer(service, local)) return undefined;
  const elsewhere = (local.endpoints ?? []).filter(
    ({ nodeName }) => nodeName === undefined || !view.isOwnNode(nodeName),
  );
  if (elsewhere.length === 0) return undefined;
  return {
    labels: twinSliceLabels(service, local),
    dropKeys: EVERY_KEY,
    fields: { addressType: local.addressType, endpoints: twinEndpoints(elsewhere), ...pick(local, 'ports') },
  };
}

/**
 * Endpoints that differ in nothing but their address are written as one: the API server of the provider checks, compares
 * and stores a tenth of the values. The provider's controller makes one of each address again (`pkg/slices`).
 *
 * Node, zone and hints would be taken for nodes of the provider, and the target for an object of its twin. Of an endpoint
 * with several addresses only the first means anything (API of EndpointSlice).
 */
function twinEndpoints(endpoints: readonly Endpoint[]): Endpoint[] {
  const twins: Endpoint[] = [];
  /** The twin that takes further addresses, by what else is in it. */
  const open = new Map<string, { twin: Endpoint; has: Set<string> }>();
  for (const endpoint of endpoints) {
    const [address] = endpoint.addresses;
    if (address === undefined) continue;
    const rest = withoutAddress(endpoint);
    const key = JSON.stringify(rest);
    const found = open.get(key);
    if (found !== undefined && found.has.size < MAX_ADDRESSES && !found.has.has(address)) {
      found.has.add(address);
      found.twin.addresses.push(address);
      continue;
    }
    const twin = { addresses: [address], ...rest };
    twins.push(twin);
    open.set(key, { twin, has: new Set([address]) });
  }
  return twins;
}

/**
 * Conditions are kept, so that a pod that terminates at home is drained there too (REF-40); those of a ready endpoint are
 * left out, since the API means the same by their absence.
 */
function withoutAddress({ conditions, hostname }: Endpoint): Omit<Endpoint, 'addresses'> {
  return {
    ...(conditions !== undefined &&
      !isPlainlyReady(conditions) && { conditions: pick(conditions, 'ready', 'serving', 'terminating') }),
    ...(hostname !== undefined && { hostname }),
  };
}

function isPlainlyReady({ ready, serving, terminating }: NonNullable<Endpoint['conditions']>): boolean {
  return ready !== false && serving !== false && terminating !== true;
}

/** The provider has its own (REF-38). */
function isOfApiServer(service: string, { metadata }: EndpointSlice): boolean {
  return service === 'kubernetes' && metadata.namespace === 'default';
}
