import { createHash } from 'node:crypto';
import { AFFINITY_MANAGER, HEADLESS, HIDDEN, LABEL } from '#pkg/api';
import type { EndpointSlice } from '#pkg/kube';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';

/** Longest name of an EndpointSlice (a DNS subdomain). */
const MAX_LENGTH = 253;
/** Slices that the provider's controller makes for the same Service end with 5 random characters, never with this. */
const SUFFIX = '-at-home';
const HASH_LENGTH = 8;

/** Name of the twin of the slice `home`: stable, at most 253 characters, different for different names. Pure. */
export function twinSliceName(home: string): string {
  if (home.length + SUFFIX.length <= MAX_LENGTH) return home + SUFFIX;
  const hash = createHash('sha256').update(home).digest('hex').slice(0, HASH_LENGTH);
  const cut = home.slice(0, MAX_LENGTH - SUFFIX.length - HASH_LENGTH - 1).replace(/[^a-z0-9]+$/, '');
  return `${cut}-${hash}${SUFFIX}`;
}

/**
 * Name of the Service that the endpoints are of; undefined for a slice of nobody, and for one that stands for another slice
 * before the proxies of home (`pkg/affinity`): what a provider prefers is decided there, from all endpoints.
 */
export function serviceOf({ metadata: { labels = {} } }: EndpointSlice): string | undefined {
  return labels[MANAGED_BY] === AFFINITY_MANAGER ? undefined : labels[SERVICE_NAME];
}

/**
 * Without the label that would make it a slice of the Service: that one the provider gives to what it has judged. Proxies
 * there would log one without a Service; the label of headless Services keeps it from them. A slice that is hidden from the
 * proxies of home is none of a headless Service.
 */
export function twinSliceLabels(service: string, { metadata }: EndpointSlice): Record<string, string> {
  const headless = metadata.labels?.[HEADLESS];
  return {
    [LABEL.serviceName]: service,
    [HEADLESS]: '',
    ...(headless !== undefined && headless !== HIDDEN && { [LABEL.headless]: 'true' }),
  };
}
