import { isDeepStrictEqual } from 'node:util';
import { problemOf } from '#network/cluster';
import { partnersOf, sharedGroups } from '#network/transit';
import {
  type Announcement,
  type ClusterNetwork,
  type ConditionUpdate,
  getCondition,
  LINK,
  type Link,
  NAME,
  type Offloading,
  type Peer,
  PEER,
  type PeerNetwork,
  tenantNamespace,
  typeMeta,
} from '#pkg/api';
import { type Connection, type ConnectionWatches, type Informer, isNotFound, type KubeClient } from '#pkg/kube';
import { type Clock, done, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { decideLink, REST_MS } from './decide-link.ts';
import { isAboutRanges, writeNetworkReady } from './network-ready.ts';

/** A connected provider, as this package needs it. */
export interface ProviderConnection extends Connection {
  /** Where our Link is, there. */
  readonly tenantNamespace: string;
  readonly cluster: Connection['cluster'] & { readonly client: KubeClient };
}

export interface LinkDeps {
  readonly client: KubeClient;
  readonly peers: Pick<Informer<Peer>, 'get' | 'list'>;
  readonly networks: Pick<Informer<ClusterNetwork>, 'get'>;
  /** Links of all tenants here. */
  readonly links: Pick<Informer<Link>, 'get'>;
  readonly offloadings: Pick<Informer<Offloading>, 'list'>;
  /** Links of ours at the providers. */
  readonly remote: ConnectionWatches<ProviderConnection, Link>;
  /** Fingerprint of this cluster. */
  readonly self: string;
  readonly clock: Clock;
}

const FIELD_MANAGER = 'tombolo-network';
/** Longest that one write at a provider may take: one that is dead holds up nobody else for long. */
const WRITE_MS = 5_000;
/** Aliases that rest are free again some time, and nothing tells of it. */
const RECHECK_MS = REST_MS / 3;

/**
 * Agrees the networks of a peering: reads what the peer announced, chooses aliases, keeps them in the Peer, and tells the
 * peer ours. Key: name of the Peer. For the leader, and with one worker: two at once could give one alias away twice.
 */
export function linkReconciler(deps: LinkDeps): Reconciler {
  /** What was written, by UID of the Peer: the cache shows it later, and until then the next peer would get the same place. */
  const written = new Map<string, PeerNetwork>();
  const asWritten = (peer: Peer): Peer => {
    const network = written.get(uidOf(peer));
    return network === undefined ? peer : { ...peer, status: { ...peer.status, network } };
  };

  return {
    name: 'link',
    async reconcile(name, signal): Promise<ReconcileResult> {
      const peer = deps.peers.get(name);
      const own = deps.networks.get(NAME.clusterNetwork);
      if (peer === undefined || own === undefined || peer.metadata.deletionTimestamp !== undefined) return done;
      // Nothing is chosen by ranges that cannot be right; the object says so, and its change brings us back.
      if (problemOf(own) !== undefined) return done;
      const remote = remoteLink(deps, name);
      const local = deps.links.get(`${tenantNamespace(name)}/${NAME.link}`);
      const all = deps.peers.list();
      forget(written, all);
      const others = all.filter((other) => other.metadata.name !== name).map(asWritten);
      const theirs = [remote?.link?.status, local?.spec].find(
        (half) => half?.ranges !== undefined || half?.mode !== undefined,
      );
      const partners = partnersOf(sharedGroups(deps.offloadings.list()), name);
      const now = deps.clock.wall();
      const decision = decideLink({ own, peer: asWritten(peer), others, partners, self: deps.self, theirs, now });
      // First of all here: what the peer is told must be what this cluster keeps to.
      await writePeer(deps, peer, decision.network, decision.condition, signal);
      written.set(uidOf(peer), decision.network);
      if (local !== undefined && local.metadata.deletionTimestamp === undefined) {
        await tell(deps.client, local, 'status', decision.ours, signal);
      }
      if (remote !== undefined && peer.spec.roles.includes('Consume')) {
        const { connection, link } = remote;
        const until = AbortSignal.any([signal, connection.signal, AbortSignal.timeout(WRITE_MS)]);
        const metadata = { name: NAME.link, namespace: connection.tenantNamespace };
        await tell(connection.cluster.client, link ?? { metadata, spec: {} }, 'spec', decision.ours, until);
      }
      return requeueAfter(RECHECK_MS);
    },
  };
}

function uidOf({ metadata: { uid, name } }: Peer): string {
  return uid ?? name;
}

/** Peers that are gone leave nothing behind. */
function forget(written: Map<string, PeerNetwork>, peers: readonly Peer[]): void {
  const standing = new Set(peers.map(uidOf));
  for (const uid of written.keys()) if (!standing.has(uid)) written.delete(uid);
}

/** Our Link at the provider; undefined while the provider cannot be read. */
function remoteLink({ remote }: LinkDeps, peer: string) {
  const watch = remote.of(peer);
  if (watch === undefined || !watch.informer.isSynced) return undefined;
  const { connection, informer } = watch;
  return { connection, link: informer.get(`${connection.tenantNamespace}/${NAME.link}`) };
}

/** Writes our half of a Link where it says something else. */
async function tell(
  client: KubeClient,
  link: Link,
  half: 'spec' | 'status',
  ours: Announcement,
  signal: AbortSignal,
): Promise<void> {
  if (isDeepStrictEqual(link[half], ours)) return;
  const { name, namespace } = link.metadata;
  const body = { ...typeMeta(LINK), metadata: { name, ...(namespace !== undefined && { namespace }) }, [half]: ours };
  const options = { fieldManager: FIELD_MANAGER, force: true, signal };
  await client.apply<Link>(LINK, body, half === 'status' ? { ...options, subresource: 'status' } : options);
}

async function writePeer(
  { client, clock }: LinkDeps,
  peer: Peer,
  network: PeerNetwork,
  update: ConditionUpdate | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { status } = peer;
  // What the gateway says of its tunnel stands while there may be one and nothing is wrong with the ranges.
  const isOver = network.mode === 'None' || isAboutRanges(getCondition(status?.conditions, 'NetworkReady'));
  if (update !== undefined || isOver) {
    await writeNetworkReady(client, peer, update, clock.wall(), signal);
  }
  if (isDeepStrictEqual(status?.network ?? {}, network)) return;
  const { name, uid } = peer.metadata;
  // The uid keeps the apply from making a new Peer where this one was deleted meanwhile.
  const metadata = { name, ...(uid !== undefined && { uid }) };
  const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
  try {
    await client.apply<Peer>(PEER, { ...typeMeta(PEER), metadata, status: { network } }, options);
  } catch (error) {
    if (!isNotFound(error)) throw error; // a Peer that is gone needs no status
  }
}

/** The peer that a Link in a tenant namespace here belongs to. */
export function peerOfLink(link: Link): string | undefined {
  const prefix = tenantNamespace('');
  const { namespace = '' } = link.metadata;
  return namespace.startsWith(prefix) ? namespace.slice(prefix.length) : undefined;
}
