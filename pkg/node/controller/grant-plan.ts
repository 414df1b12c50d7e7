import { GRANT, type Grant, type ResourceList, typeMeta, type VirtualNode } from '#pkg/api';
import { deepEqual } from '../deep-equal.ts';

/** What a virtual node asks for where its user names nothing (NODE-30). */
const DEFAULT_RESOURCES: Readonly<ResourceList> = {
  cpu: '4',
  memory: '8Gi',
  'ephemeral-storage': '20Gi',
  pods: '110',
};

/** One step of a JSON patch (RFC 6902). */
export interface JsonPatchStep {
  op: 'add' | 'remove' | 'replace' | 'test';
  path: string;
  value?: unknown;
}

/** Everything that `virtualNode` asks its provider for, defaults filled in. */
function requestedResources(virtualNode: VirtualNode): ResourceList {
  return { ...DEFAULT_RESOURCES, ...virtualNode.spec.resources };
}

/** The Grant to create for `virtualNode`: same name, in the tenant namespace at the provider. */
export function newGrant(virtualNode: VirtualNode, tenantNamespace: string): Grant {
  const { placement } = virtualNode.spec;
  return {
    ...typeMeta(GRANT),
    metadata: { name: virtualNode.metadata.name, namespace: tenantNamespace },
    spec: { requested: requestedResources(virtualNode), ...(placement === undefined ? {} : { placement }) },
  };
}

/**
 * Steps that make `grant` ask for what `virtualNode` says; empty when it already does. Touches only what the consumer
 * owns: never `cordoned`, which is the provider's. A JSON patch and not an apply, because a key that is no longer asked
 * for must leave the map although it was created by POST under another manager.
 */
export function planGrant(virtualNode: VirtualNode, grant: Grant): JsonPatchStep[] {
  const steps: JsonPatchStep[] = [];
  const requested = requestedResources(virtualNode);
  if (!deepEqual(grant.spec.requested, requested)) steps.push({ op: 'add', path: '/spec/requested', value: requested });
  const { placement } = virtualNode.spec;
  if (!deepEqual(grant.spec.placement, placement)) {
    steps.push(
      placement === undefined
        ? { op: 'remove', path: '/spec/placement' }
        : { op: 'add', path: '/spec/placement', value: placement },
    );
  }
  return steps;
}
