import { AGENT_COUNTERS as COUNTERS } from './counter-names.ts';
import { errorsOfGateway, isolationSetBlocks, ISOLATION_TABLE, type IsolationState } from './isolation-table.ts';
import { chain, counter, drop, FAMILIES, type Family, safeName, suffix, tableText } from './nft-text.ts';

/**
 * The same isolation between pods of one node that share a bridge: they reach each other below IP, where the rules of
 * {@link ISOLATION_TABLE} in family `inet` see nothing. Loaded by a `NatTable` of family `bridge`, with the same sets. Pure.
 *
 * A bridge knows no connections, so answers are told by their port: who offers a port may also send from it.
 * @throws NatError `NatStateInvalid`, not retryable
 */
export function renderIsolationBridge(state: IsolationState): string {
  return tableText(
    ISOLATION_TABLE,
    [
      counter(COUNTERS.twinOut),
      ...FAMILIES.flatMap((family) => [...isolationSetBlocks(state, family), pairs(state, family)]),
      chain('forward', [
        'type filter hook forward priority 0; policy accept;',
        ...FAMILIES.flatMap((family) => {
          const [n, pair] = [suffix(family), `goto pair${suffix(family)}`];
          return [
            `ether type ${family} ${family} saddr @twins${n} ${pair}`,
            `ether type ${family} ${family} daddr @twins${n} ${pair}`,
            `ether type ${family} ${family} saddr @unsettled${n} ${family} saddr != @known${n} ${pair}`,
            `ether type ${family} ${family} daddr @unsettled${n} ${family} daddr != @known${n} ${pair}`,
          ];
        }),
      ]),
    ],
    'bridge',
  );
}

/** Both ends are pods of this node: whoever is outside, or the node itself, is behind the bridge's own device. */
function pairs({ tenants }: IsolationState, family: Family): string {
  const n = suffix(family);
  const [to, from] = [`${family} daddr . meta l4proto . th dport`, `${family} saddr . meta l4proto . th sport`];
  return chain(`pair${n}`, [
    // Without these no pod finds another one, or its router.
    ...(family === 'ip6' ? ['icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept'] : []),
    ...tenants.flatMap(({ name }) => {
      const [twin, offered] = [`@twin_${safeName(name)}${n}`, `@offered_${safeName(name)}${n}`];
      return [
        `${family} saddr ${twin} ${family} daddr ${twin} accept`,
        `${family} saddr ${twin} ${to} ${offered} accept`,
        `${family} daddr ${twin} ${from} ${offered} accept`,
      ];
    }),
    errorsOfGateway(family),
    `${to} @services${n} accept`,
    `${from} @services${n} accept`,
    drop(COUNTERS.twinOut),
  ]);
}
