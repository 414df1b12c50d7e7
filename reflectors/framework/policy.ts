import { ANNOTATION, LABEL, type ReflectionPolicy } from '#pkg/api';
import type { KubeObject } from '#pkg/kube';

type KindRule = NonNullable<ReflectionPolicy['spec']['select']>[number];
type Kind = { readonly group: string; readonly kind: string };
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
export function verdictOn(object: KubeObject, kind: Kind, policies: readonly ReflectionPolicy[]): Verdict {
  const explicit = explicitVerdict(object, kind, policies);
  if (explicit !== undefined) return explicit;
  const { labels = {}, namespace = '' } = object.metadata;
  const selecting = policiesOf(namespace, policies).filter(({ spec }) => rulesFor(spec.select, kind).length > 0);
  const [first] = selecting;
  if (first === undefined) return yes('the default');
  const chosen = selecting.find(({ spec }) =>
    rulesFor(spec.select, kind).some((rule) => matches(labels, rule.selector)),
  );
  return chosen === undefined
    ? no(`not selected by ReflectionPolicy ${first.metadata.name}`)
    : yes(`selected by ReflectionPolicy ${chosen.metadata.name}`);
}

/**
 * The verdict on an object that follows another one unless something is said of itself (REF-47). Pure.
 * @param owner undefined: it is not there, and then its follower is not copied
 */
export function verdictOnFollower(
  object: KubeObject,
  kind: Kind,
  owner: { readonly object: KubeObject | undefined; readonly kind: Kind },
  policies: readonly ReflectionPolicy[],
): Verdict {
  if (owner.object === undefined) return no(`its ${owner.kind.kind} is not there`);
  return explicitVerdict(object, kind, policies) ?? verdictOn(owner.object, owner.kind, policies);
}

/** What is said of exactly this object: that a peer made it, `never`, or its annotation. */
function explicitVerdict(
  { metadata: { labels = {}, annotations = {}, namespace = '' } }: KubeObject,
  kind: Kind,
  policies: readonly ReflectionPolicy[],
): Verdict | undefined {
  if (labels[LABEL.origin] !== undefined) return no('it was copied here by a peer');
  for (const policy of policiesOf(namespace, policies)) {
    if (rulesFor(policy.spec.never, kind).some((rule) => matches(labels, rule.selector))) {
      return no(`"never" of ReflectionPolicy ${policy.metadata.name}`);
    }
  }
  const wish = annotations[ANNOTATION.reflect];
  if (wish === 'false') return no(`its annotation ${ANNOTATION.reflect}`);
  if (wish === 'true') return yes(`its annotation ${ANNOTATION.reflect}`);
  return undefined;
}

function policiesOf(namespace: string, policies: readonly ReflectionPolicy[]): readonly ReflectionPolicy[] {
  return policies.filter(({ spec }) => spec.namespaces === undefined || spec.namespaces.includes(namespace));
}

function rulesFor(rules: readonly KindRule[] | undefined, kind: Kind): readonly KindRule[] {
  return (rules ?? []).filter((rule) => (rule.group ?? '') === kind.group && rule.kind === kind.kind);
}

/** Key prefixes that the policies of a namespace forbid on copies (REF-48). */
export function denyPrefixes(namespace: string, policies: readonly ReflectionPolicy[]): readonly string[] {
  return policiesOf(namespace, policies).flatMap(({ spec }) => spec.denyPrefixes ?? []);
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
