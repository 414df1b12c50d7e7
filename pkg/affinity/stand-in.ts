import { createHash } from 'node:crypto';
import { AFFINITY_MANAGER, HEADLESS, HIDDEN } from '#pkg/api';
import { apiVersionOf, ENDPOINT_SLICE, type EndpointSlice } from '#pkg/kube';
import type { Endpoint } from './choose-endpoints.ts';

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';

/** Longest name of an EndpointSlice (a DNS subdomain). */
const MAX_LENGTH = 253;
const SUFFIX = '-affinity';
const HASH_LENGTH = 8;

/**
 * The slice that proxies read instead of `native`: the same in everything but its endpoints, who manages it, and the label
 * that hides. It belongs to `native` and goes with it, also while none of us runs. Pure.
 * @param endpoints those of `native` that are left; none gives a slice that says so
 */
export function standIn(native: EndpointSlice, endpoints: readonly Endpoint[]): EndpointSlice {
  const { name, namespace, uid = '', labels = {} } = native.metadata;
  const { [HEADLESS]: _, ...kept } = labels;
  return {
    apiVersion: apiVersionOf(ENDPOINT_SLICE),
    kind: ENDPOINT_SLICE.kind,
    metadata: {
      name: standInName(name),
      ...(namespace !== undefined && { namespace }),
      labels: { ...kept, [MANAGED_BY]: AFFINITY_MANAGER },
      ownerReferences: [{ apiVersion: apiVersionOf(ENDPOINT_SLICE), kind: ENDPOINT_SLICE.kind, name, uid }],
    },
    addressType: native.addressType,
    endpoints: [...endpoints],
    ...(native.ports !== undefined && { ports: native.ports }),
  };
}

/** Name of the stand-in of a slice: stable, at most 253 characters, different for different names. Pure. */
export function standInName(native: string): string {
  if (native.length + SUFFIX.length <= MAX_LENGTH) return native + SUFFIX;
  const hash = createHash('sha256').update(native).digest('hex').slice(0, HASH_LENGTH);
  const cut = native.slice(0, MAX_LENGTH - SUFFIX.length - HASH_LENGTH - 1).replace(/[^a-z0-9]+$/, '');
  return `${cut}-${hash}${SUFFIX}`;
}

/** Whether a slice of Kubernetes' own controller is kept from proxies by us. Pure. */
export function isHidden({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.[HEADLESS] === HIDDEN;
}
