import { ANNOTATION, LABEL, type ReflectionPolicy } from '#pkg/api';
import type { KubeObject } from '#pkg/kube';

type KindRule = NonNullable<ReflectionPolicy['spec']['select']>[number];
type Selector = NonNullable<KindRule['selector']>;

/** Whether an object is copied, and by which rule: a sentence part for `NotReflected` events and `--dry-run`. */
export interface Verdict {
  readonly copied: boolean;
  readonly rule: string;
}

/**
 * Applies the rules in their fixed order (REF-46): `never` of a policy, then the object's own `reflect` annotation, then
 * a policy's selection for that kind (selected = copied, not selected = not copied), then the default, which is to copy.
 * Objects that a peer made here are never copied on, whatever else says so (REF-31). Pure.
 */
export function verdictOn(
  object: KubeObject,
  kind: { readonly group: string; readonly kind: string },
  policies: readonly ReflectionPolicy[],
): Verdict {
  const { labels = {}, annotations = {}, namespace = '' } = object.metadata;
  if (labels[LABEL.origin] !== undefined) return no('it was copied here by a peer');
  const valid = policies.filter(({ spec }) => spec.namespaces === undefined || spec.namespaces.includes(namespace));
  const rulesFor = (rules: readonly KindRule[] | undefined) =>
    (rules ?? []).filter((rule) => (rule.group ?? '') === kind.group && rule.kind === kind.kind);

  for (const policy of valid) {
    if (rulesFor(policy.spec.never).some((rule) => matches(labels, rule.selector))) {
      return no(`"never" of ReflectionPolicy ${policy.metadata.name}`);
    }
  }
  const wish = annotations[ANNOTATION.reflect];
  if (wish === 'false') return no(`its annotation ${ANNOTATION.reflect}`);
  if (wish === 'true') return yes(`its annotation ${ANNOTATION.reflect}`);

  const selecting = valid.filter((policy) => rulesFor(policy.spec.select).length > 0);
  const [first] = selecting;
  if (first === undefined) return yes('the default');
  const chosen = selecting.find((policy) =>
    rulesFor(policy.spec.select).some((rule) => matches(labels, rule.selector)),
  );
  return chosen === undefined
    ? no(`not selected by ReflectionPolicy ${first.metadata.name}`)
    : yes(`selected by ReflectionPolicy ${chosen.metadata.name}`);
}

/** Key prefixes that the policies of a namespace forbid on copies (REF-48). */
export function denyPrefixes(namespace: string, policies: readonly ReflectionPolicy[]): readonly string[] {
  return policies
    .filter(({ spec }) => spec.namespaces === undefined || spec.namespaces.includes(namespace))
    .flatMap(({ spec }) => spec.denyPrefixes ?? []);
}

/** Label selector semantics of the API; no selector matches everything, an unknown operator matches nothing. */
function matches(labels: Record<string, string>, selector: Selector | undefined): boolean {
  if (selector === undefined) return true;
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (selector.matchExpressions ?? []).every((expression) => holds(labels, expression));
}

function holds(labels: Record<string, string>, expression: NonNullable<Selector['matchExpressions']>[number]): boolean {
  const value = Object.hasOwn(labels, expression.key) ? labels[expression.key] : undefined;
  const values = expression.values ?? [];
  switch (expression.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

function yes(rule: string): Verdict {
  return { copied: true, rule };
}

function no(rule: string): Verdict {
  return { copied: false, rule };
}
