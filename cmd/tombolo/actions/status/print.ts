import { formatDuration } from '../../duration.ts';
import { table } from '../../output/table.ts';
import type { PeerView, StatusView } from './view.ts';

/** The status for people: this cluster, each peer with its sentences, offloaded namespaces, and what is not healthy. */
export function printStatus(view: StatusView, now: Date): string {
  const { cluster } = view;
  const head = facts([
    ['Cluster', cluster.name],
    ['Fingerprint', cluster.fingerprint],
    ['Versions', `Tombolo ${cluster.version ?? 'unknown'}, Kubernetes ${cluster.kubernetesVersion}`],
    ['Peering', cluster.peeringAddresses.join(', ')],
    ['API server', cluster.apiServer],
    ...view.processes.map(({ name, message }): [string, string] => [name.replace('tombolo-', ''), message]),
  ]);
  const parts = [
    head,
    ...view.peers.map((peer) => printPeer(peer, now)),
    ...(view.peers.length === 0 ? ['No peers.\n'] : []),
    ...(view.offloadings.length === 0 ? [] : [printOffloadings(view)]),
    view.healthy ? 'All is well.\n' : `Not healthy:\n${view.problems.map((line) => `  - ${line}\n`).join('')}`,
  ];
  return parts.join('\n');
}

function printPeer(peer: PeerView, now: Date): string {
  const expiry = peer.credentialExpiresAt === undefined ? undefined : remaining(peer.credentialExpiresAt, now);
  const roundTrip = peer.roundTripMilliseconds === undefined ? '' : `, round trip ${peer.roundTripMilliseconds} ms`;
  const versions =
    peer.version === undefined
      ? undefined
      : `Tombolo ${peer.version}, Kubernetes ${peer.kubernetesVersion ?? 'unknown'}`;
  const rows = facts([
    ['Peer', `${peer.name} (${peer.phase}${peer.step === undefined ? '' : `: ${peer.step}`})`],
    ['Calls itself', peer.clusterName],
    ['Knows us as', peer.nameThere],
    ['Fingerprint', peer.fingerprint],
    ['Roles', `${peer.roles.join(', ') || 'none stands'}${missingRoles(peer)}`],
    [
      'API server',
      peer.apiServer === undefined ? undefined : `${peer.apiServer} (${peer.apiPath ?? 'path unknown'}${roundTrip})`,
    ],
    ['Tunnel', tunnelWords(peer)],
    ['Versions', versions],
    ['Credential', expiry],
    ...peer.conditions.map(({ type, status, message }): [string, string] => [type, `${status}: ${message}`]),
  ]);
  return rows + printNodes(peer) + printTwins(peer) + printLent(peer);
}

/** `192.0.2.1:51820, round trip 1.2 ms, 0 % lost, MTU 1440`; undefined where there is no tunnel yet. */
function tunnelWords({ tunnel = {}, networkMode }: PeerView): string | undefined {
  if (networkMode === 'None') return 'none wanted: no packet goes between the clusters';
  const { endpoint, roundTripMilliseconds: roundTrip, lossPercent: loss, mtuBytes } = tunnel;
  const words = [
    endpoint,
    roundTrip === undefined ? undefined : `round trip ${roundTrip} ms`,
    loss === undefined ? undefined : `${loss} % lost`,
    mtuBytes === undefined ? undefined : `MTU ${mtuBytes}`,
  ].filter((word) => word !== undefined);
  return words.length === 0 ? undefined : words.join(', ');
}

function missingRoles({ wanted, roles }: PeerView): string {
  const missing = wanted.filter((role) => !roles.includes(role));
  return missing.length === 0 ? '' : ` (wanted: ${missing.join(', ')})`;
}

function remaining(at: string, now: Date): string {
  const ms = new Date(at).getTime() - now.getTime();
  return ms > 0 ? `expires in ${formatDuration(ms)}, renewed before` : `expired ${formatDuration(-ms)} ago`;
}

function printNodes({ virtualNodes }: PeerView): string {
  if (virtualNodes.length === 0) return '';
  const rows = virtualNodes.flatMap((node) =>
    usage(node.granted, node.used).map((cells, index) =>
      index === 0 ? [node.node, node.ready ? 'Ready' : `not ready: ${node.message}`, ...cells] : ['', '', ...cells],
    ),
  );
  return indent(table(['virtual node', 'state', 'resource', 'used', 'granted'], rows));
}

function printTwins({ twins }: PeerView): string {
  if (twins.length === 0) return '';
  const rows = twins.map(({ namespace, twin, state, message }) => [namespace, twin ?? '', state, message]);
  return indent(table(['namespace', 'twin there', 'state', 'message'], rows));
}

function printLent({ grants, lentNamespaces }: PeerView): string {
  const granted = grants.flatMap((grant) =>
    usage(grant.granted, grant.used).map((cells, index) =>
      index === 0 ? [`${grant.name}${grant.cordoned ? ' (cordoned)' : ''}`, ...cells] : ['', ...cells],
    ),
  );
  const namespaces = lentNamespaces.map(({ homeNamespace, twin, state, message }) => [
    homeNamespace,
    twin ?? '',
    state,
    message ?? '',
  ]);
  return [
    granted.length === 0 ? '' : indent(table(['grant', 'resource', 'used', 'granted'], granted)),
    namespaces.length === 0 ? '' : indent(table(['their namespace', 'twin here', 'state', 'message'], namespaces)),
  ].join('');
}

/** One row for each resource; one of blanks where nothing is granted. */
function usage(granted: Record<string, string> | undefined, used: Record<string, string> | undefined): string[][] {
  const rows = Object.entries(granted ?? {}).map(([key, amount]) => [key, used?.[key] ?? '0', amount]);
  return rows.length === 0 ? [['', '', '']] : rows;
}

function printOffloadings(view: StatusView): string {
  const rows = view.offloadings.map(({ namespace, strategy, summary, peers }) => [
    namespace,
    strategy,
    summary,
    peers.map(({ peer, state }) => `${peer} ${state}`).join(', '),
  ]);
  return table(['offloaded', 'strategy', 'summary', 'peers'], rows);
}

function facts(rows: readonly (readonly [string, string | undefined])[]): string {
  const shown = rows.filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '');
  const width = Math.max(...shown.map(([name]) => name.length)) + 3;
  return shown.map(([name, value]) => `${name.padEnd(width)}${value}\n`).join('');
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}
