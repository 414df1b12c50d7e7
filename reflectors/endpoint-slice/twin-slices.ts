import type { EndpointSlice } from '#pkg/kube';
import { pick } from '#reflectors/framework';
import { serviceOf, twinSliceLabels, twinSliceName } from './slice-identity.ts';

type Endpoint = EndpointSlice['endpoints'][number];

/** How one provider looks from home, at the moment of the call. */
export interface ProviderView {
  /** Whether a node of that name is one of this provider's own virtual nodes: its pods are endpoints there already. */
  isOwnNode(nodeName: string): boolean;
  /**
   * The address, of the same family, under which this provider reaches a home address. Undefined where there is none (yet):
   * then it does not appear there (REF-42).
   */
  translate(address: string): string | undefined;
}

/**
 * Slices for the twin of home slices: one for each that has an endpoint which the provider can reach and does not have
 * itself (REF-39), with name and labels, without namespace. One of home gives one there, so a pod that comes or goes writes
 * one slice, and the bounds of home hold there too: 100 endpoints by Kubernetes' default, 1,000 endpoints of 100 addresses
 * by its API. Pure; order is kept.
 * @param slices of any Services; those of the API server and of no Service are left out
 */
export function twinSlices(slices: readonly EndpointSlice[], view: ProviderView): EndpointSlice[] {
  return slices.flatMap((slice) => {
    const service = serviceOf(slice);
    // What an FQDN slice names would mean another host there; nothing in Kubernetes reads such slices.
    if (service === undefined || slice.addressType === 'FQDN' || isOfApiServer(service, slice)) return [];
    const endpoints = (slice.endpoints ?? []).flatMap((endpoint) => twinEndpoint(endpoint, view));
    if (endpoints.length === 0) return [];
    const metadata = { name: twinSliceName(slice.metadata.name), labels: twinSliceLabels(service, slice) };
    return [{ metadata, addressType: slice.addressType, endpoints, ...pick(slice, 'ports') }];
  });
}

/**
 * None where the provider has it itself or cannot reach it. Node, zone and hints would be taken for nodes of the provider,
 * and the target for an object of its twin. Conditions are copied as they are: a pod that terminates at home is drained
 * there too (REF-40).
 */
function twinEndpoint(endpoint: Endpoint, { isOwnNode, translate }: ProviderView): Endpoint[] {
  if (endpoint.nodeName !== undefined && isOwnNode(endpoint.nodeName)) return [];
  const addresses = endpoint.addresses.flatMap((address) => translate(address) ?? []);
  if (addresses.length === 0) return [];
  const conditions = endpoint.conditions && pick(endpoint.conditions, 'ready', 'serving', 'terminating');
  return [{ addresses, ...(conditions !== undefined && { conditions }), ...pick(endpoint, 'hostname') }];
}

/** The provider has its own (REF-38). */
function isOfApiServer(service: string, { metadata }: EndpointSlice): boolean {
  return service === 'kubernetes' && metadata.namespace === 'default';
}
