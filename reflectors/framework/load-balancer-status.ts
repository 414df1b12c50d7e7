import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Service } from '#pkg/kube';

/** As of a Service; that of an Ingress differs in what it says of ports only. */
export type Addresses = NonNullable<NonNullable<NonNullable<Service['status']>['loadBalancer']>['ingress']>;

/**
 * Load-balancer addresses that the object at home should have; undefined where its status is to be left alone. The list
 * is one field for all its writers, so where a controller at home has written other addresses, its own stay. Pure.
 * @param twin undefined: it is gone, so what we wrote goes too
 * @param written what we wrote last (after a restart: what stands there under our field manager); undefined: nothing
 */
export function homeStatus(
  home: KubeObject,
  twin: KubeObject | undefined,
  written: Addresses | undefined,
): Addresses | undefined {
  const standing = addressesOf(home);
  const wanted = addressesOf(twin);
  const isForeign = standing.length > 0 && !isDeepStrictEqual(standing, written);
  return isForeign || isDeepStrictEqual(standing, wanted) ? undefined : wanted;
}

export function addressesOf(object: KubeObject | undefined): Addresses {
  return (object as Service | undefined)?.status?.loadBalancer?.ingress ?? [];
}
