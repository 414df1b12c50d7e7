import type { Node } from '#pkg/kube';
import type { JsonPatchStep } from '../controller/grant-plan.ts';
import { deepEqual } from '../deep-equal.ts';
import { APPLIED_ANNOTATION, appliedMetadata } from './applied.ts';
import { type DesiredNode, type NodeTaint, taintId } from './desired-node.ts';

/**
 * JSON patch that gives `node` our labels and taints; empty when it has them. Everything that others added stays, and
 * `unschedulable` is never touched. Taints are one atomic list for the API server, so the patch tests that the list is
 * still the one that was read: the lifecycle controller's taints are never lost.
 */
export function planMetadata(node: Node, desired: DesiredNode): JsonPatchStep[] {
  const steps = [...labelSteps(node, desired), ...taintSteps(node, desired)];
  steps.push(...annotationSteps(node, desired));
  return steps.length === 0 ? [] : [{ op: 'test', path: '/metadata/uid', value: node.metadata.uid }, ...steps];
}

function labelSteps(node: Node, desired: DesiredNode): JsonPatchStep[] {
  const labels = node.metadata.labels ?? {};
  const steps: JsonPatchStep[] = [];
  for (const [key, value] of Object.entries(desired.labels)) {
    if (labels[key] !== value) steps.push({ op: 'add', path: `/metadata/labels/${pointer(key)}`, value });
  }
  for (const key of appliedMetadata(node).labels) {
    if (desired.labels[key] === undefined && labels[key] !== undefined) {
      steps.push({ op: 'remove', path: `/metadata/labels/${pointer(key)}` });
    }
  }
  if (steps.length > 0 && node.metadata.labels === undefined) {
    steps.unshift({ op: 'add', path: '/metadata/labels', value: {} });
  }
  return steps;
}

function taintSteps(node: Node, desired: DesiredNode): JsonPatchStep[] {
  const current = (node.spec?.taints ?? []) as NodeTaint[];
  const merged = mergeTaints(current, desired.taints, appliedMetadata(node).taints);
  if (deepEqual(merged, current)) return [];
  if (node.spec?.taints === undefined) return [{ op: 'add', path: '/spec/taints', value: merged }];
  return [
    { op: 'test', path: '/spec/taints', value: node.spec.taints },
    { op: 'replace', path: '/spec/taints', value: merged },
  ];
}

/** Keeps the order of what is there, so that an equal list gives no write. */
function mergeTaints(current: NodeTaint[], wanted: readonly NodeTaint[], applied: readonly string[]): NodeTaint[] {
  const missing = new Map(wanted.map((taint) => [taintId(taint), taint]));
  const merged: NodeTaint[] = [];
  for (const taint of current) {
    const id = taintId(taint);
    const own = missing.get(id);
    missing.delete(id);
    if (own !== undefined) merged.push(own.value === taint.value ? taint : own);
    else if (!applied.includes(id)) merged.push(taint);
  }
  return [...merged, ...missing.values()];
}

function annotationSteps(node: Node, desired: DesiredNode): JsonPatchStep[] {
  const value = appliedValue(desired);
  const { annotations } = node.metadata;
  if (annotations?.[APPLIED_ANNOTATION.metadata] === value) return [];
  const path = `/metadata/annotations/${pointer(APPLIED_ANNOTATION.metadata)}`;
  const create: JsonPatchStep[] =
    annotations === undefined ? [{ op: 'add', path: '/metadata/annotations', value: {} }] : [];
  return [...create, { op: 'add', path, value }];
}

/** Value of the annotation that remembers our labels and taints. */
export function appliedValue(desired: DesiredNode): string {
  return JSON.stringify({
    labels: Object.keys(desired.labels).sort(),
    taints: desired.taints.map(taintId).sort(),
  });
}

/** RFC 6901. */
function pointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
