import { LABEL } from '#pkg/api';
import type { EndpointSlice, NetworkPolicy, Service } from '#pkg/kube';
import type { IsolationState } from '#network/nat';
import { offeredTo } from './offered-services.ts';

type Spec = NonNullable<NetworkPolicy['spec']>;
type Peer = NonNullable<NonNullable<Spec['ingress']>[number]['from']>[number];

export const POLICY_NAME = 'tombolo-isolation';

const NAME_LABEL = 'kubernetes.io/metadata.name';
const DNS_PORTS = (['UDP', 'TCP'] as const).map((protocol) => ({ protocol, port: 53 }));

export interface PolicyFacts {
  readonly state: IsolationState;
  /** With the offer label, outside twins. */
  readonly services: readonly Service[];
  readonly apiSlices: readonly EndpointSlice[];
}

/**
 * What a twin of `consumer` may send and get, for a CNI that enforces NetworkPolicies: the same as the packet rules of the
 * agents, and for a new pod from its first packet (NET-39). Pods are named by labels, because CNIs differ in whether an
 * address block means pods too. Pure.
 */
export function twinPolicy(consumer: string, { state, services, apiSlices }: PolicyFacts): Spec {
  const home = state.tenants.find(({ name }) => name === consumer)?.home ?? [];
  const twins: Peer = { namespaceSelector: { matchLabels: { [LABEL.origin]: consumer, [LABEL.component]: 'twin' } } };
  const homes = home.map((cidr): Peer => ({ ipBlock: { cidr } }));
  return {
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'],
    ingress: [
      { from: [twins, ...homes] },
      // Node ports and balancers come from outside or from nodes.
      { from: everythingBut(state.inside) },
    ],
    egress: [
      { to: [twins, ...homes] },
      {
        to: [
          {
            namespaceSelector: { matchLabels: { [NAME_LABEL]: 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
      },
      { to: state.localNames.map((cidr) => ({ ipBlock: { cidr } })), ports: DNS_PORTS },
      ...apiSlices.flatMap(({ endpoints, ports, addressType }) =>
        (endpoints ?? []).map(({ addresses }) => ({
          to: addresses.map((address) => ({ ipBlock: { cidr: `${address}/${addressType === 'IPv6' ? 128 : 32}` } })),
          ports: (ports ?? []).map(({ port, protocol = 'TCP' }) => ({ protocol, ...(port !== undefined && { port }) })),
        })),
      ),
      ...services.filter((service) => offeredTo(service, consumer)).flatMap(offered),
      { to: everythingBut([...state.inside, ...state.nodeRanges]) },
    ],
  };
}

function everythingBut(ranges: readonly string[]): Peer[] {
  const block = (cidr: string, except: string[]): Peer => ({ ipBlock: { cidr, ...(except.length > 0 && { except }) } });
  const isV6 = (range: string) => range.includes(':');
  return [
    block(
      '0.0.0.0/0',
      ranges.filter((range) => !isV6(range)),
    ),
    block('::/0', ranges.filter(isV6)),
  ];
}

/** A Service without a selector has no pods that could be named. */
function offered({ metadata, spec }: Service): NonNullable<Spec['egress']> {
  if (spec?.selector === undefined) return [];
  return [
    {
      to: [
        {
          namespaceSelector: { matchLabels: { [NAME_LABEL]: metadata.namespace ?? '' } },
          podSelector: { matchLabels: spec.selector },
        },
      ],
      ports: (spec.ports ?? []).map(({ protocol = 'TCP', port, targetPort = port }) => ({
        protocol,
        port: targetPort,
      })),
    },
  ];
}
