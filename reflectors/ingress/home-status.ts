import { isDeepStrictEqual } from 'node:util';
import type { Ingress } from '#pkg/kube';

type Addresses = NonNullable<NonNullable<NonNullable<Ingress['status']>['loadBalancer']>['ingress']>;

/**
 * Load-balancer addresses that the Ingress at home should have; undefined where its status is to be left alone. The list
 * is one field for all its writers, so where a controller at home has written other addresses, its own stay. Pure.
 * @param twin undefined: it is gone, so what we wrote goes too
 * @param written what we wrote last (after a restart: what stands there under our field manager); undefined: nothing
 */
export function homeStatus(
  home: Ingress,
  twin: Ingress | undefined,
  written: Addresses | undefined,
): Addresses | undefined {
  const standing = addressesOf(home);
  const wanted = addressesOf(twin);
  const isForeign = standing.length > 0 && !isDeepStrictEqual(standing, written);
  return isForeign || isDeepStrictEqual(standing, wanted) ? undefined : wanted;
}

function addressesOf(ingress: Ingress | undefined): Addresses {
  return ingress?.status?.loadBalancer?.ingress ?? [];
}
