import { addressSet, FAMILIES, type Family, only, suffix } from './nft-text.ts';
import type { Exchange } from './state.ts';

/** Name of the set of pods that may use the API of the home cluster, as we see them. */
export function homeApiClients(family: Family): string {
  return `home_api_clients${suffix(family)}`;
}

export function homeApiBlock(family: Family): string {
  return addressSet(homeApiClients(family), family);
}

/**
 * Elements of the sets that `renderGatewayTable` leaves empty, by name of the set: pods at peers that run for us are the
 * only ones that may use the API here (network-facts 11).
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function homeApiSets(exchanges: ReadonlyMap<string, Exchange>): Map<string, readonly string[]> {
  const clients = [...exchanges.values()].flatMap(({ ours }) => ours);
  return new Map(FAMILIES.map((family) => [homeApiClients(family), only(family, clients)]));
}
