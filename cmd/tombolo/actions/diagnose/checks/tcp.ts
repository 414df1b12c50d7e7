import { getCondition, type Peer, type Unreachable } from '#pkg/api';
import { type Facts, placeOf, remoteOf } from '../facts.ts';
import { type Finding, type Judgement, target } from '../finding.ts';

const WORDS = { PeeringEndpoint: 'peering endpoint', ApiServer: 'API server' } as const;

/** Whether our controller reaches the peering endpoint and the API server of each peer, by what it has measured. */
export function judgeTcp(facts: Facts): Judgement {
  const judged = facts.peers.map((peer) => ofPeer(facts, peer));
  return {
    findings: judged.flatMap(({ findings }) => findings),
    unknown: judged.flatMap(({ unknown }) => unknown),
    notes: judged.flatMap(({ notes = [] }) => notes),
  };
}

function ofPeer(facts: Facts, peer: Peer): Judgement {
  const { name } = peer.metadata;
  if (!peer.spec.roles.includes('Consume')) {
    return { findings: [], unknown: [`the way to ${name} by TCP: it dials us, and we do not dial it`] };
  }
  const entries = peer.status?.unreachable ?? [];
  const names = entries.filter(({ reason }) => reason === 'NameNotResolved');
  const others = entries.filter(({ reason }) => reason !== 'NameNotResolved');
  const findings = [
    ...(names[0] === undefined ? [] : [unresolved(facts, peer, names[0])]),
    ...(others[0] === undefined ? [] : [blocked(facts, peer, others[0], others)]),
  ];
  return { findings, unknown: [], notes: relayed(peer) };
}

/** What stands in the place of an API server that is not announced. */
const RELAY_TARGET = 'kubernetes.default.svc';

/** The relay is as good a way as any, and for clusters behind NAT the only one: no fault. */
function relayed({ metadata: { name }, spec, status }: Peer): string[] {
  const { apiPath, apiServer } = status ?? {};
  if (apiPath !== 'Relay' || spec.api?.mode === 'Relay' || apiServer === undefined) return [];
  if (URL.parse(apiServer)?.hostname === RELAY_TARGET) return []; // it announces no way but this one
  return [
    `the API server of ${name} is reached through its peering endpoint, since ${apiServer} (TCP) did not answer when it was tried last`,
  ];
}

function unresolved(facts: Facts, peer: Peer, { service, address }: Unreachable): Finding {
  const { to, port } = target(address);
  const { name } = peer.metadata;
  return {
    code: 'NameNotResolved',
    peer: name,
    message: `the name ${to} of the ${WORDS[service]} of ${name} does not resolve for our controller`,
    from: placeOf(facts, 'controller'),
    to,
    ...(port !== undefined && { port }),
    protocol: 'TCP',
    next: `look up ${to} where the controller runs, correct that record or the name servers of this cluster, or peer again by an address that resolves`,
    unknown: `whether ${name} answers at all: without an address nobody can ask it`,
  };
}

/** One finding for all addresses: what drops one of them mostly drops the others. */
function blocked(facts: Facts, peer: Peer, first: Unreachable, all: readonly Unreachable[]): Finding {
  const { name } = peer.metadata;
  const { to, port } = target(first.address);
  const list = all.map(({ service, address, message }) => `${WORDS[service]} ${address} (TCP): ${message}`).join('; ');
  const isApiFine = getCondition(peer.status?.conditions, 'ApiReachable')?.status === 'True';
  const isRefused = all.every(({ reason }) => reason === 'ConnectionRefused');
  const isTunnelUp = getCondition(peer.status?.conditions, 'NetworkReady')?.status === 'True';
  const isAllAway = !isApiFine && getCondition(peer.status?.conditions, 'NetworkReady')?.reason === 'NoAnswer';
  const rest = [
    ...(isApiFine ? [`its API server answers at ${peer.status?.apiServer ?? 'its address'}`] : []),
    ...(isTunnelUp ? ['its gateway answers by UDP'] : []),
  ];
  const beside = rest.length === 0 ? '' : `; ${rest.join(' and ')}, so that cluster runs`;
  const remote = remoteOf(facts, peer);
  const cause = isRefused
    ? 'nothing listens at that port, or a firewall rejects'
    : 'packets are dropped on the way: look at firewalls and security groups on both sides';
  return {
    code: isAllAway ? 'PeerAway' : 'TcpBlocked',
    peer: name,
    message: isAllAway ? `neither TCP nor UDP is answered by ${name}: ${list}` : `${list}${beside}`,
    from: placeOf(facts, 'controller'),
    to,
    ...(port !== undefined && { port }),
    protocol: 'TCP',
    next: `open TCP ${port ?? ''} from ${facts.view.cluster.name} to ${to}: ${cause}`,
    ...(remote === undefined && {
      unknown: `whether what listens there runs, and where on the way packets are lost: run \`tombolo diagnose\` on ${name}, or give --remote-kubeconfig`,
    }),
  };
}
