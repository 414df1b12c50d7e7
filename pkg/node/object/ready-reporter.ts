import { getCondition, setCondition, VIRTUAL_NODE, type VirtualNode } from '#pkg/api';
import { isNotFound, KubeError, type KubeClient } from '#pkg/kube';
import { type Clock, done, type Reconciler } from '#pkg/runtime';
import type { Verdict } from './desired-node.ts';

const KUBELET_MANAGER = 'tombolo-kubelet';

export interface ReadyReporterOptions {
  readonly client: KubeClient;
  readonly virtualNode: () => VirtualNode | undefined;
  /** What the Node says; undefined while that is not known. */
  readonly verdict: () => Verdict | undefined;
  readonly clock: Clock;
}

/** Repeats the condition `Ready` of the Node on the VirtualNode, and names the Node there. Writes only changes. */
export function readyReporter({ client, virtualNode, verdict, clock }: ReadyReporterOptions): Reconciler {
  return {
    name: 'virtual-node-ready',
    async reconcile(name, signal) {
      const current = virtualNode();
      const now = verdict();
      if (current === undefined || now === undefined) return done;
      const ready = getCondition(current.status?.conditions, 'Ready');
      const old = ready === undefined ? [] : [ready];
      const update = {
        type: 'Ready',
        status: now.ok ? ('True' as const) : ('False' as const),
        reason: now.reason,
        message: now.message,
      };
      const conditions = setCondition(old, update, clock.wall());
      if (conditions === old && current.status?.nodeName === name) return done;
      const { uid } = current.metadata;
      try {
        await client.apply<VirtualNode>(
          VIRTUAL_NODE,
          { metadata: { name, ...(uid === undefined ? {} : { uid }) }, status: { nodeName: name, conditions } },
          { fieldManager: KUBELET_MANAGER, force: true, subresource: 'status', signal },
        );
      } catch (error) {
        // Gone, or made anew under its name: the next event brings the new one.
        if (!(isNotFound(error) || (error instanceof KubeError && error.isConflict))) throw error;
      }
      return done;
    },
  };
}
