/** Which endpoints of a Service are preferred: those of the own cluster, those of the others, or none. */
export type ServiceAffinity = 'local' | 'remote' | 'none';

/** Every value of the annotation `tombolo.io/service-affinity`. */
export const SERVICE_AFFINITIES = ['local', 'remote', 'none'] as const satisfies readonly ServiceAffinity[];

/** The value as written; undefined where it is none of {@link SERVICE_AFFINITIES}. Absent means `none`. Pure. */
export function serviceAffinity(value: string | undefined): ServiceAffinity | undefined {
  return value === undefined ? 'none' : SERVICE_AFFINITIES.find((known) => known === value);
}

/** Label of EndpointSlices that proxies leave out: kube-proxy does not even read slices with it. */
export const HEADLESS = 'service.kubernetes.io/headless';

/**
 * Value of {@link HEADLESS} on a slice of Kubernetes' own controller that we keep from proxies. That controller writes the
 * empty value, and only for Services without a cluster address.
 */
export const HIDDEN = 'tombolo';

/** Manager of the slices that stand for hidden ones. */
export const AFFINITY_MANAGER = 'affinity.tombolo.io';
