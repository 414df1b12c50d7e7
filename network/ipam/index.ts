/**
 * Aliases: which range stands for a peer's range on this side.
 *
 * Arithmetic over ranges and nothing else: it remembers nothing and asks nobody. The caller keeps the result, so that a
 * restart gives the same aliases. Never talks to Kubernetes, never touches the host.
 */
export { type Alias, type AliasRequest, allotAliases, ownRangesProblem, type RangeProblem } from './allot-aliases.ts';
