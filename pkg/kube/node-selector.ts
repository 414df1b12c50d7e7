/** One line of a node selector term, as in a NodeSelectorRequirement. */
export interface NodeSelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

/**
 * Whether the value of a label satisfies a requirement, as kube-scheduler decides it (component-helpers `nodeaffinity`):
 * Gt and Lt compare integers only, and an operator that is not known matches nothing.
 * @param value of the label `requirement.key`; undefined where the node has none
 */
export function matchesRequirement(
  value: string | undefined,
  { operator, values = [] }: NodeSelectorRequirement,
): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return isInteger(value) && isInteger(values[0]) && Number(value) > Number(values[0]);
    case 'Lt':
      return isInteger(value) && isInteger(values[0]) && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** A whole number that a double holds exactly. */
export function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^-?\d{1,15}$/.test(text);
}
