import { getCondition, type Peer } from '#pkg/api';
import { type Facts, placeOf, readyPods, remoteOf } from '../facts.ts';
import { type Finding, type Judgement, target } from '../finding.ts';

/** Whether the gateway of each peer answers ours through the tunnel. */
export function judgeUdp(facts: Facts): Judgement {
  const judged = facts.peers.map((peer) => ofPeer(facts, peer));
  return {
    findings: judged.flatMap((entry) => (typeof entry === 'object' ? [entry] : [])),
    unknown: judged.flatMap((entry) => (typeof entry === 'string' ? [entry] : [])),
  };
}

/** The finding; a sentence where nothing is known; undefined where all is well, or where there is no tunnel and none is wanted. */
function ofPeer(facts: Facts, peer: Peer): Finding | string | undefined {
  const { name } = peer.metadata;
  if (peer.status?.network?.mode === 'None') return undefined;
  const ready = getCondition(peer.status?.conditions, 'NetworkReady');
  if (ready === undefined) {
    const hasGateway = readyPods(facts, 'gateway').length > 0;
    return hasGateway ? `the tunnel to ${name}: our gateway has said nothing of it yet` : undefined;
  }
  if (ready.status !== 'False' || !['NoAnswer', 'NotDialled', 'NameNotResolved'].includes(ready.reason))
    return undefined;
  const { tunnel, network } = peer.status ?? {};
  const address = tunnel?.endpoint ?? network?.endpoints?.[0];
  const { to, port } = address === undefined ? { to: `gateway of ${name}` } : target(address);
  const ends = {
    peer: name,
    from: placeOf(facts, 'gateway'),
    to,
    ...(port !== undefined && { port }),
    protocol: 'UDP' as const,
  };
  if (ready.reason === 'NameNotResolved') {
    const told = network?.endpoints?.[0];
    const next = 'correct that record, or the name servers that our gateway asks';
    return { code: 'NameNotResolved', ...ends, ...(told !== undefined && target(told)), message: ready.message, next };
  }
  if (ready.reason === 'NotDialled') {
    const message = `no side can dial the other by UDP: ${ready.message}`;
    const next =
      'give one of both gateways an address that the other one reaches (chart values gateway.service, gateway.endpoints)';
    return { code: 'UdpBlocked', ...ends, message, next };
  }
  return {
    code: 'UdpBlocked',
    ...ends,
    message: message(peer),
    next: nextStep(facts, to, port),
    ...unknown(facts, peer),
  };
}

function message(peer: Peer): string {
  const { name } = peer.metadata;
  const { tunnel, unreachable, conditions } = peer.status ?? {};
  const handshake = tunnel?.lastHandshakeAt === undefined ? 'never' : `last at ${tunnel.lastHandshakeAt}`;
  const answersByTcp = unreachable === undefined && getCondition(conditions, 'ApiReachable')?.status === 'True';
  const beside = answersByTcp ? '; it answers by TCP, so that cluster runs' : '';
  return `no UDP packet of the gateway of ${name} comes back (handshake: ${handshake})${beside}`;
}

function nextStep({ view }: Facts, to: string, port: number | undefined): string {
  const way = `${view.cluster.name} to ${to}`;
  return `open UDP ${port ?? ''} from ${way}, and let answers come back: look at firewalls and security groups on both sides`;
}

/** What the other side says, or that it cannot be asked. */
function unknown(facts: Facts, peer: Peer): Pick<Finding, 'unknown'> {
  const { name } = peer.metadata;
  const remote = remoteOf(facts, peer);
  if (remote !== undefined) return {};
  return {
    unknown: `whether the gateway of ${name} runs, and on which side of the way packets are lost: run \`tombolo diagnose\` there, or give --remote-kubeconfig`,
  };
}
