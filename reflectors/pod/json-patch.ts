import type { Pod, ReplicaSet } from '#pkg/kube';

/** RFC 6902. */
export interface JsonPatchStep {
  readonly op: 'test' | 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

export function testUid(object: { metadata: { uid?: string } }): JsonPatchStep {
  return { op: 'test', path: '/metadata/uid', value: object.metadata.uid };
}

/**
 * Appends to a list that is as it was seen: a patch that is sent again, since its answer was lost, appends nothing twice.
 * It fails then, and the next look finds nothing missing.
 */
export function appendSteps(
  path: string,
  there: readonly unknown[] | undefined,
  values: readonly unknown[],
): JsonPatchStep[] {
  if (there === undefined) return [{ op: 'add', path, value: values }];
  return [
    { op: 'test', path, value: there },
    ...values.map((value): JsonPatchStep => ({ op: 'add', path: `${path}/-`, value })),
  ];
}

/** Sets one annotation; `add` replaces, and an object without any annotation gets the map. */
export function annotationStep(object: Pod | ReplicaSet, key: string, value: string): JsonPatchStep {
  return object.metadata.annotations === undefined
    ? { op: 'add', path: '/metadata/annotations', value: { [key]: value } }
    : { op: 'add', path: `/metadata/annotations/${pointer(key)}`, value };
}

/** Escapes a key for a JSON pointer (RFC 6901). */
export function pointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
