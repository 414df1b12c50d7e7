import { exchangeSets, homeApiSets, transitSets } from '#network/nat';
import { type ExchangeFacts, exchangesOf } from './exchanges.ts';
import type { GatewayPlan } from './plan-gateway.ts';
import { transitAddresses } from './plan-transit.ts';

/** Elements of the sets of the packet rules that come and go with pods, by name of the set: who may exchange packets. Pure. */
export function setElements({ nat, transit }: GatewayPlan, facts: ExchangeFacts): Map<string, readonly string[]> {
  const exchanges = exchangesOf(facts);
  return new Map([
    ...exchangeSets(nat.peers, exchanges),
    ...homeApiSets(exchanges),
    ...(nat.transitGroups === undefined ? [] : transitSets(transitAddresses(transit, facts))),
  ]);
}
