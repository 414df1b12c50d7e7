import type { ApiMode, NetworkMode, Peer, ResourceList, Role } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { readClusterInfo } from '../cluster-info/cluster-info.ts';
import { PeeringError } from '../errors.ts';
import { checkPeerName, nameWithSuffix } from '../names.ts';
import { findByFingerprint, getPeer } from '../peer-view.ts';

/** The cluster that a wish to peer is about, as a token or a record names it. */
export interface PeeringTarget {
  /** What it calls itself. */
  readonly clusterName: string;
  readonly fingerprint: string;
  /** `host:port`, in the order to try. */
  readonly addresses: readonly string[];
}

/** How this side wants a peering, whatever its trust begins with. */
export interface PeeringWish {
  /** How to call this cluster in errors. */
  readonly cluster: string;
  /** `--name`: what to call the peer here. Default: what it calls itself, with a suffix where that is taken (PEER-13). */
  readonly name?: string;
  /** What this side wants; default `['Consume']`. `Provide` lets the peer use this side too, and needs no invite. */
  readonly roles?: readonly Role[];
  /** What to ask for; keys that are not named get defaults. */
  readonly resources?: ResourceList;
  /** Name of the virtual node; default: the peer's name. False makes none. */
  readonly virtualNode?: string | false;
  /** How to reach the peer's API server; default Auto. */
  readonly apiMode?: ApiMode;
  /** `None`: without a tunnel. Default: as the Peer says already, else a tunnel. */
  readonly networkMode?: NetworkMode;
  readonly now?: Date;
  readonly signal?: AbortSignal;
}

export interface StartedPeering {
  readonly peer: string;
  /** Directions that were asked for. */
  readonly roles: readonly Role[];
  /** `undefined` where none was asked for. */
  readonly virtualNode: string | undefined;
  /** True where this direction stood already and nothing was changed (PEER-14). */
  readonly isUnchanged: boolean;
  /** False where the Peer was there before: another direction stands, or an earlier run made it. */
  readonly isNew: boolean;
}

/** A wish that may be written: everything that can be refused here was checked. */
export interface CheckedWish {
  /** Name of the Peer. */
  readonly peer: string;
  /** The Peer that this key has already. */
  readonly known: Peer | undefined;
  readonly roles: readonly Role[];
  readonly virtualNode: string | undefined;
  /** Every direction that is asked for stands: there is nothing to write. */
  readonly isStanding: boolean;
}

/**
 * Checks a wish against what this cluster is and knows. Writes nothing.
 * @throws PeeringError `InvalidPeerName`, `NameTaken`, `OwnCluster`, `PeeredAs`, `PeerEnding`, `RolesNotAsked`, `NotInstalled`
 */
export async function checkWish(client: KubeClient, target: PeeringTarget, wish: PeeringWish): Promise<CheckedWish> {
  const { cluster, signal, roles = ['Consume'] } = wish;
  if (wish.name !== undefined) checkPeerName(wish.name, '--name');
  if (roles.length === 0)
    throw new PeeringError('RolesNotAsked', { attempted: 'peer', where: cluster, why: 'no role was named' });
  const own = await readClusterInfo(client, cluster, signal);
  const known = await findByFingerprint(client, target.fingerprint, signal);
  if (known !== undefined) checkKnown(known, wish.name);
  if (known === undefined && target.fingerprint === own.fingerprint) checkOwn(cluster, own.clusterName, wish.name);
  const peer = known?.metadata.name ?? (await freeName(client, target, wish.name, signal));
  const virtualNode = wish.virtualNode === false || !roles.includes('Consume') ? undefined : (wish.virtualNode ?? peer);
  const isStanding =
    known !== undefined &&
    roles.every((role) => known.status?.roles?.includes(role) && known.spec.roles.includes(role));
  return { peer, known, roles, virtualNode, isStanding };
}

function checkKnown(known: Peer, wanted: string | undefined): void {
  const name = known.metadata.name;
  const facts = { attempted: 'peer', where: `Peer ${name}` };
  if (known.metadata.deletionTimestamp !== undefined) {
    throw new PeeringError('PeerEnding', {
      ...facts,
      why: 'an earlier peering with that cluster is still being ended',
    });
  }
  if (wanted !== undefined && wanted !== name) {
    throw new PeeringError('PeeredAs', { ...facts, why: `that cluster is called ${name} here already, not ${wanted}` });
  }
}

/** A cluster may be its own peer, for trying; under its own name it would be confused with itself. */
function checkOwn(cluster: string, clusterName: string, wanted: string | undefined): void {
  if (wanted !== undefined && wanted !== clusterName) return;
  throw new PeeringError('OwnCluster', {
    attempted: 'peer',
    where: cluster,
    why: 'that is this same cluster',
  });
}

async function freeName(
  client: KubeClient,
  target: PeeringTarget,
  wanted: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const name = wanted ?? checkPeerName(target.clusterName, 'what the other cluster calls itself');
  if ((await getPeer(client, name, signal)) === undefined) return name;
  const facts = { attempted: 'name the new peer', where: `Peer ${name}` };
  if (wanted !== undefined) throw new PeeringError('NameTaken', { ...facts, why: `${name} is another cluster` });
  const suffixed = nameWithSuffix(name, target.fingerprint);
  if ((await getPeer(client, suffixed, signal)) === undefined) return suffixed;
  throw new PeeringError('NameTaken', { ...facts, why: `${name} and ${suffixed} are other clusters` });
}
