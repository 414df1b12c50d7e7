import { z } from 'zod';

/** What a provider lends of its own ways in from outside the cluster, besides room for pods. */
export const offers = z
  .object({
    nodePorts: z.boolean().meta({ description: 'Whether Services of a twin may have ports on the nodes.' }),
    loadBalancerClass: z.string().max(253).optional().meta({
      description:
        'Load-balancer class of Services of a twin; empty = the load balancers of the cluster itself. Absent: none.',
    }),
    ingressClass: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .meta({ description: 'Class of the Ingresses of a twin. Absent: none are copied.' }),
  })
  .meta({ description: 'Ways into the cluster from outside that a twin may use.' });

export type Offers = z.infer<typeof offers>;

/** What a provider offers that says nothing. */
export const NO_OFFERS: Offers = { nodePorts: false };

/** Annotations of a twin namespace: what its tenant may use, for the admission policies of the chart. */
const OFFER_ANNOTATION = {
  nodePorts: 'tombolo.io/offered-node-ports',
  loadBalancerClass: 'tombolo.io/offered-load-balancer-class',
  ingressClass: 'tombolo.io/offered-ingress-class',
} as const;

/** Those annotations; undefined: the twin must not have it. */
export function offerAnnotations({
  nodePorts,
  loadBalancerClass,
  ingressClass,
}: Offers): Record<string, string | undefined> {
  return {
    [OFFER_ANNOTATION.nodePorts]: nodePorts ? 'true' : undefined,
    [OFFER_ANNOTATION.loadBalancerClass]: loadBalancerClass,
    [OFFER_ANNOTATION.ingressClass]: ingressClass,
  };
}
