/** Services, their endpoints on both sides, and pods that answer: what tests of Services share. */
import { type Json, type TestCluster, until } from './bed.ts';
import { AGNHOST, type Offloaded } from './peered.ts';

export const service = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec,
});
export const webPorts = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }];
/** Answers its own name under `/hostname`. */
export const webServer = { name: 'main', image: AGNHOST, args: ['netexec', '--http-port', '8080'] };
const notVirtual = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'tombolo.io/peer', operator: 'DoesNotExist' }] }],
    },
  },
};

/** A pod of an offloaded namespace that stays at home. */
export const homePod = (name: string, spec: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { affinity: notVirtual, terminationGracePeriodSeconds: 1, ...spec },
});

/** A slice of a Service without selector, as an operator writes one. */
export const handMade = (name: string, of: string, endpoints: object[], more: object = {}) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  endpoints,
  ...more,
});

/** Asks from a pod until that name, or each of those names, has answered. */
export async function answers(
  shop: Pick<Offloaded, 'name'>,
  milan: TestCluster,
  pod: string,
  url: string,
  ...names: string[]
) {
  const seen = new Set<string>();
  await until(
    `${names.join(' and ')} answer at ${url} to ${pod}`,
    async () => {
      const line = ['-n', shop.name, 'exec', pod, '--', 'sh', '-c', `timeout 3 wget -qO- http://${url}/hostname`];
      seen.add((await milan.try(line)).stdout.trim());
      return names.every((name) => seen.has(name));
    },
    60_000,
  );
}

/** Slices at rome of a Service of the twin: those of rome's own controller, and ours. */
export async function slicesThere(rome: TestCluster, shop: Offloaded, of: string) {
  const selector = `kubernetes.io/service-name=${of}`;
  const slices: Json[] = (await rome.json(['-n', shop.twin, 'get', 'endpointslices', '-l', selector]))['items'];
  const by = (manager: string) =>
    slices.filter(({ metadata }) => metadata.labels['endpointslice.kubernetes.io/managed-by'] === manager);
  return { own: by('endpointslice-controller.k8s.io'), ours: by('reflection.tombolo.io') };
}

export const endpointsOf = (slices: Json[]): Json[] => slices.flatMap((slice) => slice['endpoints'] ?? []);
export const addressesOf = (slices: Json[]): string[] =>
  endpointsOf(slices).flatMap((endpoint) => endpoint['addresses']);

/** The address under which rome sees an address of milan. */
export async function seenFromRome(rome: TestCluster, address: string): Promise<string> {
  const { aliases } = (await rome.json('get peer milan'))['status'].network;
  const [{ alias }] = aliases; // the first is that of the pods: both ranges of the bed are /16
  return [...alias.split('.').slice(0, 2), ...address.split('.').slice(2)].join('.');
}
