import { createHash } from 'node:crypto';
import type { EndpointSlice } from '#pkg/kube';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
/** Without it kube-proxy would look for a cluster address of a headless Service. */
const HEADLESS = 'service.kubernetes.io/headless';

/** Who writes the slices. Kubernetes' own controllers touch, and delete, only slices that name them here (KEP-752). */
export const SLICE_MANAGER = 'reflection.tombolo.io';

/** Longest name of an EndpointSlice (a DNS subdomain). */
const MAX_LENGTH = 253;
/** Slices that the provider's controller makes for the same Service end with 5 random characters, never with this. */
const SUFFIX = '-tombolo';
const HASH_LENGTH = 8;

/** Name of the twin of the slice `home`: stable, at most 253 characters, different for different names. Pure. */
export function twinSliceName(home: string): string {
  if (home.length + SUFFIX.length <= MAX_LENGTH) return home + SUFFIX;
  const hash = createHash('sha256').update(home).digest('hex').slice(0, HASH_LENGTH);
  const cut = home.slice(0, MAX_LENGTH - SUFFIX.length - HASH_LENGTH - 1).replace(/[^a-z0-9]+$/, '');
  return `${cut}-${hash}${SUFFIX}`;
}

/** Name of the Service that the endpoints are of; undefined for a slice of nobody. */
export function serviceOf({ metadata }: EndpointSlice): string | undefined {
  return metadata.labels?.[SERVICE_NAME];
}

export function twinSliceLabels(service: string, { metadata }: EndpointSlice): Record<string, string> {
  const headless = metadata.labels?.[HEADLESS];
  return {
    [SERVICE_NAME]: service,
    [MANAGED_BY]: SLICE_MANAGER,
    ...(headless !== undefined && { [HEADLESS]: headless }),
  };
}
