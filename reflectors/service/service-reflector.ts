import { SERVICE, type Service } from '#pkg/kube';
import { defineReflector, pick } from '#reflectors/framework';

type ServiceSpec = NonNullable<Service['spec']>;

/** Value of `clusterIP` of a Service without an address. */
const HEADLESS = 'None';

/**
 * Fields of the spec that mean the same in both clusters. A list of what travels, not of what stays: a field newer than
 * this code may give a Service an address outside the twin. `externalTrafficPolicy` is about node ports and load balancers
 * only; as `Local` it would also drop what comes in for endpoints of the other cluster. Address families are the provider's.
 */
const COPIED = [
  'selector',
  'sessionAffinity',
  'sessionAffinityConfig',
  'internalTrafficPolicy',
  'trafficDistribution',
  'publishNotReadyAddresses',
] as const satisfies readonly (keyof ServiceSpec)[];

/** ClusterIP, headless and ExternalName as at home; NodePort and LoadBalancer as ClusterIP (REF-36, REF-37). */
export const serviceReflector = defineReflector({
  resource: SERVICE,
  toTwin(local) {
    if (isApiService(local)) return undefined;
    const isHeadless = local.spec?.clusterIP === HEADLESS;
    return { fields: { spec: twinSpec(local.spec ?? {}) }, ...(isHeadless && { shape: 'headless' }) };
  },
});

function twinSpec(spec: ServiceSpec): ServiceSpec {
  const isExternalName = spec.type === 'ExternalName';
  return {
    type: isExternalName ? 'ExternalName' : 'ClusterIP',
    ...(isExternalName && pick(spec, 'externalName')),
    ...(spec.clusterIP === HEADLESS && { clusterIP: HEADLESS }),
    ...(spec.ports !== undefined && { ports: spec.ports.map(({ nodePort: _, ...port }) => port) }),
    ...pick(spec, ...COPIED),
  };
}

/** The provider has one of its own under that name (REF-38). */
function isApiService({ metadata }: Service): boolean {
  return metadata.name === 'kubernetes' && metadata.namespace === 'default';
}

/** What a copy of `local` lacks, as a sentence for people; undefined where it lacks nothing (REF-37). Pure. */
export function notReflected({ spec = {} }: Service): string | undefined {
  const missing = [
    ...(spec.type === 'NodePort' || spec.type === 'LoadBalancer' ? [`of type ClusterIP instead of ${spec.type}`] : []),
    ...((spec.externalIPs ?? []).length > 0 ? ['without externalIPs'] : []),
  ];
  if (missing.length === 0) return undefined;
  return `its copy is ${missing.join(' and ')}: it is reached inside that cluster only`;
}
