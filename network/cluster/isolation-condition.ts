import type { ClusterNetwork, ConditionUpdate } from '#pkg/api';
import type { DaemonSet } from '#pkg/kube';

/** What keeps twins apart from the rest of this cluster, as the condition `Isolated` says it (NET-39). Pure. */
export function isolationCondition({ spec }: ClusterNetwork, agents: DaemonSet | undefined): ConditionUpdate {
  if (spec.isolation === false) {
    const message = 'isolation is switched off: peers and what runs for them reach everything here';
    return { type: 'Isolated', status: 'False', reason: 'Open', message };
  }
  const { desiredNumberScheduled: wanted = 0, numberReady: ready = 0 } = agents?.status ?? {};
  if (wanted === 0 || ready < wanted) {
    const message = `gateways keep peers apart, and packet rules do on ${ready} of ${wanted} nodes: look at the pods of DaemonSet tombolo-agent`;
    return { type: 'Isolated', status: 'False', reason: 'AgentsNotReady', message };
  }
  const message =
    `gateways and packet rules on all ${wanted} nodes keep what runs for peers apart; ` +
    'NetworkPolicies in the twins say the same to a CNI that enforces them';
  return { type: 'Isolated', status: 'True', reason: 'PacketRules', message };
}
