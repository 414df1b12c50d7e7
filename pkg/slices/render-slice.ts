import { createHash } from 'node:crypto';
import { ANNOTATION, LABEL } from '#pkg/api';
import { apiVersionOf, ENDPOINT_SLICE, type EndpointSlice } from '#pkg/kube';

type Endpoint = EndpointSlice['endpoints'][number];

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
/** As on slices of Kubernetes' own controller: kube-proxy leaves those out. */
const HEADLESS = 'service.kubernetes.io/headless';

/** Who writes the slices. Kubernetes' own controllers touch, and delete, only slices that name them here (KEP-752). */
export const SLICE_MANAGER = 'reflection.tombolo.io';

/** Longest name of an EndpointSlice (a DNS subdomain). */
const MAX_LENGTH = 253;
/** As many the API takes in one slice; a hundred times as many addresses fit into what a consumer writes. */
const MAX_ENDPOINTS = 1_000;
const SUFFIX = '-tombolo';
const HASH_LENGTH = 8;

/** A consumer as this cluster sees it at the moment of the call. */
export interface Consumer {
  /**
   * The address here of an address of the consumer. Undefined for what it has not announced, or has no alias yet: such an
   * endpoint is left out, since it would lead to somebody else (REF-42).
   */
  translate(address: string): string | undefined;
  /** Whether packets reach it: while they do not, no endpoint of it is ready (REF-41). */
  readonly isReachable: boolean;
}

/** Name of the slice that is made from the slice `raw`: stable, at most 253 characters, different for different names. Pure. */
export function renderedSliceName(raw: string): string {
  if (raw.length + SUFFIX.length <= MAX_LENGTH) return raw + SUFFIX;
  const hash = createHash('sha256').update(raw).digest('hex').slice(0, HASH_LENGTH);
  const cut = raw.slice(0, MAX_LENGTH - SUFFIX.length - HASH_LENGTH - 1).replace(/[^a-z0-9]+$/, '');
  return `${cut}-${hash}${SUFFIX}`;
}

/**
 * The slice that proxies and DNS of this cluster use, made from what a consumer wrote into its twin. It stands also where
 * every endpoint is left out: its annotation says how many are. Garbage collection takes it away with `raw`. Pure.
 * @param raw of an informer, with label `tombolo.io/service-name`
 * @param isUnwanted where proxies shall use none of its endpoints, since those of this cluster are preferred and ready
 */
export function renderSlice(raw: EndpointSlice, consumer: Consumer, isUnwanted = false): EndpointSlice {
  const { name, namespace, uid = '', labels = {} } = raw.metadata;
  const given = isUnwanted ? [] : (raw.endpoints ?? []);
  const endpoints = given.flatMap((endpoint) => renderEndpoint(endpoint, consumer)).slice(0, MAX_ENDPOINTS);
  const leftOut = given.reduce((sum, { addresses }) => sum + addresses.length, 0) - endpoints.length;
  return {
    apiVersion: apiVersionOf(ENDPOINT_SLICE),
    kind: ENDPOINT_SLICE.kind,
    metadata: {
      name: renderedSliceName(name),
      ...(namespace !== undefined && { namespace }),
      labels: {
        [SERVICE_NAME]: labels[LABEL.serviceName] ?? '',
        [MANAGED_BY]: SLICE_MANAGER,
        ...(labels[LABEL.headless] !== undefined && { [HEADLESS]: '' }),
      },
      ...(leftOut > 0 && { annotations: { [ANNOTATION.leftOut]: String(leftOut) } }),
      ownerReferences: [{ apiVersion: apiVersionOf(ENDPOINT_SLICE), kind: ENDPOINT_SLICE.kind, name, uid }],
    },
    addressType: raw.addressType,
    endpoints,
    ...(raw.ports !== undefined && { ports: raw.ports }),
  };
}

/**
 * One endpoint for each address: a consumer writes those that differ in nothing else together, and proxies look at the first
 * of an endpoint only. Field by field: a tenant may have written a node, a zone or a target into it, which would mean ones
 * of this cluster.
 */
function renderEndpoint({ addresses, conditions, hostname }: Endpoint, consumer: Consumer): Endpoint[] {
  const shared = {
    conditions: conditionsOf(conditions, consumer.isReachable),
    ...(hostname !== undefined && { hostname }),
  };
  return addresses.flatMap((address) => {
    const here = consumer.translate(address);
    return here === undefined ? [] : [{ addresses: [here], ...shared }];
  });
}

/**
 * What is not said is said here, for readers that do not know the defaults of the API. Not serving either while nothing
 * reaches the consumer: where no endpoint is ready, kube-proxy falls back to those that terminate and serve.
 */
function conditionsOf(
  { ready = true, serving = ready, terminating = false }: NonNullable<Endpoint['conditions']> = {},
  isReachable: boolean,
): NonNullable<Endpoint['conditions']> {
  return isReachable ? { ready, serving, terminating } : { ready: false, serving: false, terminating };
}
