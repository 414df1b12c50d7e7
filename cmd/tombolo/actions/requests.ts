import { getCondition, PEER, type Peer, type PeeringRequest } from '#pkg/api';
import { comparisonOf, listRequests, requestHasEnded, requestStateOf } from '#pkg/peering';
import type { Result } from '../output/format.ts';
import { table } from '../output/table.ts';
import type { Session } from '../session.ts';
import { requireInstalled } from './installed.ts';
import { serverTime } from './server-time.ts';

/** One line of `tombolo requests`. Keys are stable. */
interface RequestView {
  readonly cluster: string;
  /** In: it asks to use this cluster. Out: this cluster asks to use it. */
  readonly direction: 'In' | 'Out';
  readonly state: string;
  readonly fingerprint: string;
  /** The other side shows the same text. */
  readonly comparison: string;
  readonly message: string;
  readonly expiresAt?: string;
  readonly peer?: string;
}

/** Who asks to use this cluster, and whom this cluster asks. Both sides show the same fingerprints to compare. */
export async function requests(session: Session): Promise<Result> {
  const { signal } = session;
  const cluster = await session.home();
  const { fingerprint: own = '' } = await requireInstalled(cluster, signal);
  const [incoming, peers, now] = await Promise.all([
    listRequests(cluster.client, signal),
    cluster.client.list<Peer>(PEER, {}, { signal }),
    serverTime(cluster, signal),
  ]);
  const views = [
    ...incoming.map((request) => incomingView(request, own, now)),
    ...peers.items.filter(isAsking).map((peer) => outgoingView(peer, own)),
  ];
  const rows = views.map(({ cluster: name, direction, state, comparison, expiresAt = '', peer = '' }) => [
    name,
    direction,
    state,
    comparison,
    expiresAt,
    peer,
  ]);
  const text = table(['cluster', 'direction', 'state', 'compare', 'expires', 'peer'], rows);
  return { value: { requests: views }, text };
}

function incomingView(request: PeeringRequest, own: string, now: Date): RequestView {
  const { spec, status } = request;
  return {
    cluster: spec.clusterName,
    direction: 'In',
    state: requestStateOf(request, now),
    fingerprint: spec.fingerprint,
    comparison: comparisonOf(spec.fingerprint, own),
    message: status?.message ?? '',
    expiresAt: spec.expiresAt,
    ...(status?.peer !== undefined && { peer: status.peer }),
  };
}

/** Whether it is waited for, or was told no. */
function isAsking(peer: Peer): boolean {
  if (peer.spec.request === undefined || peer.metadata.deletionTimestamp !== undefined) return false;
  return peer.status?.phase === 'AwaitingApproval' || requestHasEnded(peer);
}

const OUTGOING: Record<string, string> = {
  RequestRejected: 'Rejected',
  RequestExpired: 'Expired',
  FingerprintDiffers: 'Refused',
};

function outgoingView({ metadata, spec, status }: Peer, own: string): RequestView {
  const said = getCondition(status?.conditions, 'Authenticated');
  const fingerprint = spec.fingerprint ?? '';
  return {
    cluster: metadata.name,
    direction: 'Out',
    state: OUTGOING[said?.reason ?? ''] ?? 'Waiting',
    fingerprint,
    comparison: comparisonOf(own, fingerprint),
    message: said?.message ?? '',
    peer: metadata.name,
  };
}
