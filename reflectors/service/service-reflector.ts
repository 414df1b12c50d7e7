import { ANNOTATION, LABEL, type Offers, serviceAffinity } from '#pkg/api';
import { SERVICE, type Service } from '#pkg/kube';
import { defineReflector, pick, type Reflector, type TwinFields } from '#reflectors/framework';

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

/** What a provider offers, as far as it has answered. */
export interface OfferView {
  /** Asked at each decision. */
  readonly offers: () => Offers;
  /** `handler` runs after the offers may have changed. */
  readonly onOffers: (handler: () => void) => Disposable;
}

/**
 * Services for one provider: ClusterIP, headless and ExternalName as at home; NodePort and LoadBalancer too where the
 * provider offers those, as ClusterIP otherwise (REF-36, REF-37).
 */
export function serviceReflector({ offers, onOffers }: OfferView): Reflector {
  return defineReflector({
    resource: SERVICE,
    onChange: onOffers,
    loadBalancer: {
      fieldSelector: 'spec.type=LoadBalancer',
      isReported: ({ spec }) => spec?.type === 'LoadBalancer' && offers().loadBalancerClass !== undefined,
    },
    toTwin(local) {
      if (isApiService(local)) return undefined;
      const isHeadless = local.spec?.clusterIP === HEADLESS;
      const spec = twinSpec(local.spec ?? {}, offers());
      const kept = keptNodePorts(local, spec);
      return {
        fields: { spec: kept ?? spec },
        ...affinityLabel(local),
        ...(kept !== undefined && { fallback: { spec } }),
        ...(isHeadless && { shape: 'headless' }),
      };
    },
  });
}

function typeThere({ type = 'ClusterIP' }: ServiceSpec, { nodePorts, loadBalancerClass }: Offers): string {
  if (type === 'NodePort') return nodePorts ? type : 'ClusterIP';
  if (type === 'LoadBalancer') return loadBalancerClass === undefined ? 'ClusterIP' : type;
  return type === 'ExternalName' ? type : 'ClusterIP';
}

function twinSpec(spec: ServiceSpec, offers: Offers): ServiceSpec {
  const type = typeThere(spec, offers);
  const isBalanced = type === 'LoadBalancer';
  return {
    type,
    ...(type === 'ExternalName' && pick(spec, 'externalName')),
    ...(spec.clusterIP === HEADLESS && { clusterIP: HEADLESS }),
    ...(spec.ports !== undefined && { ports: spec.ports.map(({ nodePort: _, ...port }) => port) }),
    ...(isBalanced && offers.loadBalancerClass && { loadBalancerClass: offers.loadBalancerClass }),
    // Whom the Service lets in at home, and no more than those.
    ...(isBalanced && pick(spec, 'loadBalancerSourceRanges')),
    ...pick(spec, ...COPIED),
  };
}

/** `there` with the node ports of home, where its owner wants those (annotation `keep-node-port`); undefined: he does not. */
function keptNodePorts({ metadata, spec }: Service, there: ServiceSpec): ServiceSpec | undefined {
  const isWanted = metadata.annotations?.[ANNOTATION.keepNodePort] === 'true';
  if (!isWanted || (there.type !== 'NodePort' && there.type !== 'LoadBalancer')) return undefined;
  return { ...there, ...(spec?.ports !== undefined && { ports: spec.ports }) };
}

/** What is no affinity is told at home, and means none here too. */
function affinityLabel({ metadata }: Service): Pick<TwinFields, 'labels'> | undefined {
  const affinity = serviceAffinity(metadata.annotations?.[ANNOTATION.serviceAffinity]);
  if (affinity === undefined || affinity === 'none') return undefined;
  return { labels: { [LABEL.serviceAffinity]: affinity } };
}

/** The provider has one of its own under that name (REF-38). */
function isApiService({ metadata }: Service): boolean {
  return metadata.name === 'kubernetes' && metadata.namespace === 'default';
}

/** What a copy of `local` lacks, as a sentence for people; undefined where it lacks nothing (REF-37). Pure. */
export function notReflected({ spec = {} }: Service, offers: Offers): string | undefined {
  const type = typeThere(spec, offers);
  const isOther = type !== (spec.type ?? 'ClusterIP');
  const missing = [
    ...(isOther ? [`of type ${type} instead of ${spec.type}`] : []),
    ...((spec.externalIPs ?? []).length > 0 ? ['without externalIPs'] : []),
  ];
  if (missing.length === 0) return undefined;
  const effect = type === 'ClusterIP' ? ': it is reached inside that cluster only' : '';
  return `its copy is ${missing.join(' and ')}${effect}`;
}
