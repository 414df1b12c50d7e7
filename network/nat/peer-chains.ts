import { peerCounter } from './counter-names.ts';
import { NatError } from './errors.ts';
import { homeApiClients } from './home-api.ts';
import { chain, drop, elements, FAMILIES, type Family, familyOf, only, port, safeName } from './nft-text.ts';
import type { GatewayState, Mapping, PeerNat } from './state.ts';

/** @throws NatError `NatStateInvalid` where a range and its alias differ in family or length */
export function checkMappings({ name, announced }: PeerNat): void {
  const wrong = announced.find(
    ({ original, alias }) => familyOf(original) !== familyOf(alias) || original.split('/')[1] !== alias.split('/')[1],
  );
  if (wrong === undefined) return;
  throw new NatError('NatStateInvalid', {
    attempted: 'write packet rules',
    where: `${wrong.original} as ${wrong.alias} for ${name}`,
    why: 'a range and its alias differ in family or length',
  });
}

/** Checks on the wire, then both translations, of one peer. */
export function peerChains(peer: PeerNat, { homeApi }: GatewayState): string[] {
  const name = safeName(peer.name);
  const refuse = drop(peerCounter(peer.name, 'destination'));
  const aliases = peer.announced.map(({ alias }) => alias);
  const api = homeApi === undefined ? undefined : peer.homeApiAddress;
  const family = api === undefined ? undefined : familyOf(api);
  return [
    chain(`guard_${name}`, [
      `ct state invalid ${drop(peerCounter(peer.name, 'invalid'))}`,
      ...(family === undefined
        ? []
        : [
            `${family} daddr ${api} tcp dport 443 ${family} saddr @${homeApiClients(family)} accept`,
            `${family} daddr ${api} ${refuse}`,
          ]),
      ...FAMILIES.flatMap((one) => {
        const open = only(one, aliases);
        return open.length === 0 ? [] : [`${one} daddr ${elements(open)} accept`];
      }),
      refuse,
    ]),
    chain(`from_${name}`, [
      ...(homeApi === undefined || family === undefined
        ? []
        : [`${family} daddr ${api} tcp dport 443 dnat ${family} to ${target(homeApi, family)}`]),
      ...translations(
        'dnat',
        'daddr',
        peer.announced.map(({ original, alias }) => [alias, original]),
      ),
    ]),
    chain(
      `to_${name}`,
      translations(
        'snat',
        'saddr',
        peer.announced.map(({ original, alias }) => [original, alias]),
      ),
    ),
  ];
}

function target({ target: address, port: number }: { target: string; port: number }, family: Family): string {
  if (familyOf(address) !== family) {
    throw new NatError('NatStateInvalid', {
      attempted: 'write packet rules',
      where: `home API at ${address}`,
      why: 'its anchor is of the other family',
    });
  }
  return family === 'ip' ? `${address}:${port(number)}` : `[${address}]:${port(number)}`;
}

/** Prefix translation per family; ranges that stay as they are are left out. */
function translations(
  verb: 'dnat' | 'snat',
  field: 'daddr' | 'saddr',
  pairs: readonly (readonly [Mapping['alias'], Mapping['original']])[],
): string[] {
  return FAMILIES.flatMap((family) => {
    const changed = pairs.filter(([from, to]) => from !== to && familyOf(from) === family);
    const items = changed.map(([from, to]) => `${from} : ${to}`);
    return items.length === 0 ? [] : [`${verb} ${family} prefix to ${family} ${field} map ${elements(items)}`];
  });
}
