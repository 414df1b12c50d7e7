import { CONDITION, NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import type { ProcessState } from '../../install/readiness.ts';
import { type Component, type Facts, readyPods, type RemoteFacts, remoteOf } from '../facts.ts';
import type { FaultCode, Finding, Judgement } from '../finding.ts';

const PROCESSES: Readonly<Record<string, { component: Component; down: FaultCode }>> = {
  [NAME.controllerAccount]: { component: 'controller', down: 'ControllerDown' },
  [NAME.kubeletAccount]: { component: 'kubelet', down: 'KubeletDown' },
  [NAME.gatewayService]: { component: 'gateway', down: 'GatewayDown' },
};

/** Whether our processes run, here and, where we may look, there. */
export function judgeProcesses(facts: Facts): Judgement {
  const here = facts.status.processes.filter(({ isReady }) => !isReady).map((state) => processFinding(facts, state));
  const there = facts.peers.flatMap((peer) => {
    const remote = remoteOf(facts, peer);
    return remote === undefined ? [] : downThere(peer.metadata.name, remote);
  });
  const cut = facts.status.realNodes.flatMap(({ metadata: { name }, status }): Finding[] => {
    const found = status?.conditions?.find(({ type }) => type === CONDITION.networkUnavailable);
    if (found?.status !== 'True') return [];
    const message = `node ${name} does not reach peers: ${found.message ?? found.reason ?? 'its agent does not say why'}`;
    return [{ code: 'NodeCut', message, from: `node ${name}`, to: 'all peers', next: lookAt('agent') }];
  });
  return { findings: [...here, ...there, ...cut], unknown: [] };
}

function processFinding(facts: Facts, { name, words }: ProcessState): Finding {
  const process = PROCESSES[name];
  const object = `Deployment ${SYSTEM_NAMESPACE}/${name}`;
  const isDown = process !== undefined && readyPods(facts, process.component).length === 0;
  const base = { message: `${object}: ${words}`, next: lookAt(process?.component ?? name) };
  if (!isDown) return { ...base, code: 'ProcessNotReady', from: object, to: `cluster ${facts.view.cluster.name}` };
  return { ...base, code: process.down, ...servesWhom(facts, process.component), next: startAgain(name, words) };
}

/** Who misses a process that does not run. */
function servesWhom({ view }: Facts, component: Component): Pick<Finding, 'from' | 'to' | 'port' | 'protocol'> {
  switch (component) {
    case 'controller': {
      const to = `Service ${SYSTEM_NAMESPACE}/${NAME.webhookService}`;
      return { from: `API server of ${view.cluster.name}`, to, port: 443, protocol: 'TCP' };
    }
    case 'kubelet':
      return { from: `API server of ${view.cluster.name}`, to: 'virtual nodes', port: 10_260, protocol: 'TCP' };
    case 'gateway':
      return { from: `pods of ${view.cluster.name}`, to: 'pods of all peers' };
  }
}

function startAgain(name: string, words: string): string {
  const scale = `kubectl -n ${SYSTEM_NAMESPACE} scale deployment ${name} --replicas 2`;
  return words.startsWith('scaled to 0') ? scale : lookAt(name.replace('tombolo-', ''));
}

function lookAt(component: string): string {
  return `kubectl -n ${SYSTEM_NAMESPACE} describe pods -l tombolo.io/component=${component}`;
}

function downThere(peer: string, { name, processes }: RemoteFacts): Finding[] {
  return processes.flatMap((state): Finding[] => {
    const isGateway = state.name === NAME.gatewayService;
    // With one replica left the peer answers; which one is not said in numbers.
    const isDown = !state.isReady && /^(scaled to 0|0 of|it does not exist)/.test(state.words);
    if (!isDown || (!isGateway && state.name !== NAME.controllerAccount)) return [];
    return [
      {
        code: isGateway ? 'PeerGatewayDown' : 'PeerControllerDown',
        peer,
        message: `Deployment ${SYSTEM_NAMESPACE}/${state.name} of ${name}: ${state.words}`,
        from: `cluster ${peer}`,
        to: isGateway ? 'its tunnels' : 'its peering endpoint',
        protocol: isGateway ? 'UDP' : 'TCP',
        next: `there: ${startAgain(state.name, state.words)}`,
      },
    ];
  });
}
