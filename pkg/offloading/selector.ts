import type { SelectorTerm } from '#pkg/api';
import { isInteger, matchesRequirement } from '#pkg/kube';

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'] as const;
type Operator = (typeof OPERATORS)[number];
type Requirement = NonNullable<SelectorTerm['matchExpressions']>[number];

/** Every term is crossed with every term of a pod, so their number is bounded. */
const MAX_TERMS = 32;

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** What is wrong with a peer selector, in one sentence; undefined where nothing is (REF-05). */
export function selectorProblem(selector: readonly SelectorTerm[] | undefined): string | undefined {
  if (selector === undefined) return undefined;
  if (selector.length === 0) return 'peerSelector is empty and would match nothing; leave it out to select all peers';
  if (selector.length > MAX_TERMS) return `peerSelector has ${selector.length} terms, at most ${MAX_TERMS} are allowed`;
  for (const [index, { matchExpressions = [] }] of selector.entries()) {
    const where = `peerSelector[${index}]`;
    if (matchExpressions.length === 0) return `${where} has no matchExpressions and would match nothing`;
    for (const expression of matchExpressions) {
      const problem = requirementProblem(expression);
      if (problem !== undefined) return `${where}: ${problem}`;
    }
  }
  return undefined;
}

function requirementProblem({ key, operator, values = [] }: Requirement): string | undefined {
  if (!isLabelKey(key)) return `“${key}” is not a label key`;
  if (!isOperator(operator)) return `operator “${operator}” of ${key} must be one of ${OPERATORS.join(', ')}`;
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) return `operator ${operator} of ${key} needs values`;
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) return `operator ${operator} of ${key} takes no values`;
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1 || !isInteger(values[0])) return `operator ${operator} of ${key} needs one integer`;
      break;
  }
  const wrong = values.find((value) => value !== '' && !NAME.test(value));
  return wrong === undefined ? undefined : `“${wrong}” is not a label value`;
}

function isLabelKey(key: string): boolean {
  const slash = key.lastIndexOf('/');
  return NAME.test(key.slice(slash + 1)) && (slash < 0 || PREFIX.test(key.slice(0, slash)));
}

function isOperator(operator: string): operator is Operator {
  return OPERATORS.some((known) => known === operator);
}

/** Whether labels satisfy one of the terms; undefined = no selector = always. As the scheduler decides it. */
export function matchesSelector(
  selector: readonly SelectorTerm[] | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  if (selector === undefined) return true;
  return selector.some(
    ({ matchExpressions = [] }) =>
      matchExpressions.length > 0 &&
      matchExpressions.every((expression) =>
        matchesRequirement(Object.hasOwn(labels, expression.key) ? labels[expression.key] : undefined, expression),
      ),
  );
}
