/** Number of our routing table, and place of the rule that leads to it. */
export const TABLE = 51_840;

/** A routing rule, as `ip -json rule show` lists it. */
export interface ActualRule {
  readonly priority: number;
  readonly iif?: string;
  readonly table?: string;
}

/**
 * Lines for `ip -batch` (of one family) that send what comes in by `from`, and nothing else, through our table. Pure. Rules
 * of another priority are somebody else's.
 * @param from absent: no rule is wanted
 */
export function planRules(from: string | undefined, actual: readonly ActualRule[]): string[] {
  const ours = actual.filter(({ priority }) => priority === TABLE);
  const isRight = (rule: ActualRule) => rule.iif === from && rule.table === String(TABLE);
  const standing = ours.find(isRight);
  return [
    ...ours
      .filter((rule) => rule !== standing)
      .map(({ iif }) => `rule del${iif === undefined ? '' : ` iif ${iif}`} pref ${TABLE}`),
    ...(from === undefined || standing !== undefined ? [] : [`rule add iif ${from} lookup ${TABLE} pref ${TABLE}`]),
  ];
}
