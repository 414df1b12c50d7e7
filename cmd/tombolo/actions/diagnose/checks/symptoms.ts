import { getCondition } from '#pkg/api';
import type { ConditionView, PeerView } from '../../status/view.ts';
import { type Facts, placeOf } from '../facts.ts';
import type { Finding, Judgement } from '../finding.ts';

/** Everything else that `tombolo status` calls not healthy: mostly it follows from a cause, and where it does not, it is one. */
export function judgeSymptoms(facts: Facts): Judgement {
  const { status, view } = facts;
  const unreadable = status.unreadable.map(({ what, why }): Finding => {
    const message = `${what} cannot be read: ${why}`;
    const next = 'run the command again, with an account that may read everything of Tombolo';
    return { code: 'Unreadable', message, from: 'this command', to: `API server of ${view.cluster.name}`, next };
  });
  const peers = view.peers.filter(({ name }) => facts.peers.some(({ metadata }) => metadata.name === name));
  const unknown = facts.remoteProblem === undefined ? [] : [`the other cluster: ${facts.remoteProblem}`];
  return {
    findings: [...unreadable, ...peers.flatMap((peer) => ofPeer(facts, peer)), ...ofNamespaces(facts)],
    unknown,
  };
}

function ofPeer(facts: Facts, peer: PeerView): Finding[] {
  const { name } = peer;
  const base = { peer: name, from: placeOf(facts, 'controller'), to: `peer ${name}` };
  const [silent, ...more] = peer.conditions.filter(isOld);
  const bad = peer.conditions.filter(
    (entry) => !isOld(entry) && (entry.type === 'Degraded' ? entry.status === 'True' : entry.status !== 'True'),
  );
  return [
    ...(silent === undefined ? [] : [notVerified(base, silent.message, more.length + 1)]),
    ...bad.map(({ type, status, reason, message }): Finding => {
      const next = `kubectl describe peer ${name}`;
      return {
        ...base,
        code: 'ConditionNotGood',
        about: type,
        message: `${type} is ${status} (${reason}): ${message}`,
        next,
      };
    }),
    ...peer.virtualNodes
      .filter(({ ready }) => !ready)
      .map((node): Finding => {
        const message = `virtual node ${node.name}: ${node.message}`;
        return {
          ...base,
          code: 'NodeNotReady',
          to: `node ${node.node}`,
          message,
          next: `kubectl describe node ${node.node}`,
        };
      }),
    ...otherwise(facts, peer, base),
  ];
}

/** What status adds where a condition was good and nobody is there to take it back. */
const LAST_KNOWN = '; last known:';

function isOld({ reason, message }: ConditionView): boolean {
  return reason === 'NotVerified' && message.includes(LAST_KNOWN);
}

function notVerified(base: Pick<Finding, 'peer' | 'from' | 'to'>, words: string, count: number): Finding {
  const [why = words] = words.split(LAST_KNOWN);
  const message = `${count} conditions of peer ${base.peer} are old: ${why}`;
  const next = 'look at the pods of the controller, and whether their clock is that of the API server';
  return { ...base, code: 'NotVerified', message, next };
}

/** What status says of a peer that no controller has looked at, or that is ending. */
function otherwise(facts: Facts, { name }: PeerView, base: Pick<Finding, 'peer' | 'from' | 'to'>): Finding[] {
  const peer = facts.peers.find(({ metadata }) => metadata.name === name);
  const next = `kubectl describe peer ${name}`;
  if (peer?.metadata.deletionTimestamp !== undefined) {
    const message = `peer ${name} is ending: ${peer.status?.step ?? 'no step is known'}`;
    return [{ ...base, code: 'ConditionNotGood', about: 'Ending', message, next }];
  }
  const isSeen =
    peer?.status?.phase !== undefined && getCondition(peer.status.conditions, 'Authenticated') !== undefined;
  if (isSeen) return [];
  return [{ ...base, code: 'NotVerified', message: `peer ${name}: no controller has looked at it yet`, next }];
}

function ofNamespaces({ peers, view }: Facts): Finding[] {
  return view.offloadings.flatMap(({ namespace, peers: states }) =>
    states
      .filter(({ peer, state }) => state !== 'Accepted' && peers.some(({ metadata }) => metadata.name === peer))
      .map(({ peer, message }): Finding => {
        const next = `kubectl -n ${namespace} describe offloading`;
        const words = `namespace ${namespace} on ${peer}: ${message}`;
        const to = `twin of ${namespace} on ${peer}`;
        return { code: 'NamespaceNotReady', peer, message: words, from: `namespace ${namespace}`, to, next };
      }),
  );
}
