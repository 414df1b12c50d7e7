/** Number of our routing table. */
export const TABLE = 51_840;

/** Place of the rule that leads to it: before the main table, which has the number 32766. */
export const PRIORITY = 5_184;

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
  const ours = actual.filter(({ priority }) => priority === PRIORITY);
  const isRight = (rule: ActualRule) => rule.iif === from && rule.table === String(TABLE);
  const standing = ours.find(isRight);
  return [
    ...ours
      .filter((rule) => rule !== standing)
      .map(({ iif }) => `rule del${iif === undefined ? '' : ` iif ${iif}`} pref ${PRIORITY}`),
    ...(from === undefined || standing !== undefined ? [] : [`rule add iif ${from} lookup ${TABLE} pref ${PRIORITY}`]),
  ];
}
