import { createHash } from 'node:crypto';
import { LABEL } from '#pkg/api';
import type { EndpointSlice } from '#pkg/kube';

const SERVICE_NAME = 'kubernetes.io/service-name';
/** kube-proxy does not even read slices with it, and one without a Service would only fill its log. */
const HEADLESS = 'service.kubernetes.io/headless';

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

/** Name of the Service that the endpoints are of; undefined for a slice of nobody. */
export function serviceOf({ metadata }: EndpointSlice): string | undefined {
  return metadata.labels?.[SERVICE_NAME];
}

/** Without the label that would make it a slice of the Service: that one the provider gives to what it has judged. */
export function twinSliceLabels(service: string, { metadata }: EndpointSlice): Record<string, string> {
  return {
    [LABEL.serviceName]: service,
    [HEADLESS]: '',
    ...(metadata.labels?.[HEADLESS] !== undefined && { [LABEL.headless]: 'true' }),
  };
}
