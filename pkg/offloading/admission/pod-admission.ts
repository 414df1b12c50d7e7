import { ANNOTATION, type PodStrategy, podStrategy, type SelectorTerm, TAINT } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { NOT_VIRTUAL, type NodeTerm, VIRTUAL } from './node-terms.ts';
import { type AffinityHolder, requireTerms } from './required-affinity.ts';
import { ALLOWED, type AdmissionResponse, denied, type JsonPatchStep } from './review.ts';

/** Any value: a namespace may be offloaded to peers that do not exist yet. */
const TOLERATION = { key: TAINT.virtualNode, operator: 'Exists', effect: 'NoSchedule' } as const;

/**
 * What becomes of a pod that is made in an offloaded namespace (REF-14 to REF-19). Pure, and the second time nothing is
 * left to do. Never moves a pod: the ordinary scheduler decides within what is written here.
 * @param pod as the API server sends it, before it is stored
 * @param strategy of the namespace; annotation `tombolo.io/pod-strategy` on the pod wins
 * @param selector terms over labels of virtual nodes, OR; undefined = any virtual node
 */
export function admitPod(
  pod: Pod,
  strategy: PodStrategy,
  selector: readonly SelectorTerm[] | undefined,
): AdmissionResponse {
  if (isOfDaemonSet(pod) || isMirror(pod)) return ALLOWED;
  const own = pod.metadata.annotations?.[ANNOTATION.podStrategy];
  const parsed = podStrategy.safeParse(own ?? strategy);
  if (!parsed.success) {
    const allowed = podStrategy.options.join(', ');
    return denied(`annotation ${ANNOTATION.podStrategy} is “${own}”, but must be one of ${allowed}`);
  }
  if (parsed.data === 'Local') return ALLOWED;
  const terms = addedTerms(parsed.data, selector);
  const affinity = terms === undefined ? [] : requireTerms((pod.spec ?? {}) as AffinityHolder, terms, '/spec');
  return { allowed: true, patch: [...tolerate(pod), ...affinity] };
}

/** Terms that a pod must satisfy besides its own; undefined where the strategy asks for none. */
function addedTerms(
  strategy: Exclude<PodStrategy, 'Local'>,
  selector: readonly SelectorTerm[] | undefined,
): NodeTerm[] | undefined {
  const selected = selector?.map((term) => term.matchExpressions ?? []) as NodeTerm['matchExpressions'][] | undefined;
  if (strategy === 'Remote') {
    if (selected === undefined) return [{ matchExpressions: [VIRTUAL] }];
    return selected.map((expressions = []) => ({ matchExpressions: [VIRTUAL, ...expressions] }));
  }
  if (selected === undefined) return undefined;
  return [...selected.map((matchExpressions = []) => ({ matchExpressions })), { matchExpressions: [NOT_VIRTUAL] }];
}

function tolerate(pod: Pod): JsonPatchStep[] {
  const tolerations = pod.spec?.tolerations;
  if (tolerations === undefined) return [{ op: 'add', path: '/spec/tolerations', value: [TOLERATION] }];
  if (tolerations.some(toleratesVirtualNodes)) return [];
  return [{ op: 'add', path: '/spec/tolerations/-', value: TOLERATION }];
}

function toleratesVirtualNodes(toleration: { key?: string; operator?: string; effect?: string }): boolean {
  const { key = '', operator, effect = '' } = toleration;
  return (
    operator === 'Exists' && (key === '' || key === TAINT.virtualNode) && (effect === '' || effect === 'NoSchedule')
  );
}

/** Its controller pins each pod to a node and tolerates what it wants (NODE-12). */
function isOfDaemonSet(pod: Pod): boolean {
  return (pod.metadata.ownerReferences ?? []).some(
    (owner) => owner.controller === true && owner.kind === 'DaemonSet' && owner.apiVersion.startsWith('apps/'),
  );
}

/** The image of a static pod: its kubelet runs it whatever the object says, and replaces an object that differs. */
function isMirror(pod: Pod): boolean {
  return pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}
