import type { EndpointSlice, Service } from '#pkg/kube';
import { affinityOf } from './affinity-of.ts';
import { isServed, portsServed } from './choose-endpoints.ts';

/**
 * Whether proxies of a provider shall use none of the endpoints that a consumer tells of: its Service prefers those of the
 * cluster that asks, and pods of the twin answer at each of these ports. Pure.
 * @param told a slice of the consumer
 * @param service its Service in the twin; undefined where there is none (yet)
 * @param own slices of Kubernetes' own controller of that Service; asked for only where it matters. Undefined: not known yet
 * @returns undefined where `own` is
 */
export function isUnwantedInTwin(
  told: EndpointSlice,
  service: Service | undefined,
  own: () => readonly EndpointSlice[] | undefined,
): boolean | undefined {
  if (service === undefined || affinityOf(service, 'twin').affinity !== 'local') return false;
  const slices = own();
  return (
    slices &&
    isServed(
      told,
      portsServed(slices, () => true),
    )
  );
}
