import {
  FINALIZER,
  LABEL,
  type Peer,
  PEER,
  type ResourceList,
  type Role,
  SYSTEM_NAMESPACE,
  typeMeta,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import { KubeError, type KubeClient, SECRET, type Secret } from '#pkg/kube';
import { readClusterInfo } from '../cluster-info/cluster-info.ts';
import { redeemSecretName } from '../consumer/peer-credentials.ts';
import { PeeringError } from '../errors.ts';
import { shortFingerprint } from '../identity/fingerprint.ts';
import { type InviteToken, mintInvite, parseInvite } from '../invite/token.ts';
import { checkPeerName, nameWithSuffix } from '../names.ts';
import { addRole, findByFingerprint, getPeer, updatePeer } from '../peer-view.ts';

export interface StartPeeringOptions {
  /** As pasted, or already parsed. */
  readonly token: string | InviteToken;
  /** How to call this cluster in errors. */
  readonly cluster: string;
  /** `--name`: what to call the peer here. Default: what it calls itself, with a suffix where that is taken (PEER-13). */
  readonly name?: string;
  /** What this side wants; default `['Consume']`. `Provide` lets the peer use this side too, without an invite. */
  readonly roles?: readonly Role[];
  /** What to ask for; keys that are not named get defaults. */
  readonly resources?: ResourceList;
  /** Name of the virtual node; default: the peer's name. False makes none. */
  readonly virtualNode?: string | false;
  /** How to reach the peer's API server; default Auto. */
  readonly apiMode?: 'Auto' | 'Direct' | 'Relay';
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

/**
 * Writes the wish to use the cluster of a token: VirtualNode, Secret with the token, Peer. The controller does the rest;
 * see `waitForPeering`. Safe to repeat after any interruption. Nothing is written before everything that can be refused
 * here was checked; the VirtualNode comes first, because admission may refuse its name.
 * @throws PeeringError of `parseInvite`, and `InvalidPeerName`, `NameTaken`, `OwnCluster`, `PeeredAs`, `PeerEnding`,
 *   `NotInstalled`
 */
export async function startPeering(client: KubeClient, options: StartPeeringOptions): Promise<StartedPeering> {
  const { cluster, signal, now = new Date(), roles = ['Consume'], resources } = options;
  const token = typeof options.token === 'string' ? parseInvite(options.token, { now }) : options.token;
  if (options.name !== undefined) checkPeerName(options.name, '--name');
  if (roles.length === 0)
    throw new PeeringError('RolesNotAsked', { attempted: 'peer', where: cluster, why: 'no role was named' });
  const own = await readClusterInfo(client, cluster, signal);
  const known = await findByFingerprint(client, token.fingerprint, signal);
  if (known !== undefined) checkKnown(known, options.name);
  if (known === undefined && token.fingerprint === own.fingerprint) checkOwn(cluster, own.clusterName, options.name);
  const peer = known?.metadata.name ?? (await freeName(client, token, options.name, signal));
  const virtualNode =
    options.virtualNode === false || !roles.includes('Consume') ? undefined : (options.virtualNode ?? peer);
  if (
    known !== undefined &&
    roles.every((role) => known.status?.roles?.includes(role) && known.spec.roles.includes(role))
  ) {
    return { peer, roles, virtualNode, isUnchanged: true, isNew: false };
  }
  if (virtualNode !== undefined) await ensureVirtualNode(client, virtualNode, peer, resources, signal);
  if (roles.includes('Consume')) await putRedeemSecret(client, peer, token, signal);
  await ensurePeer(
    client,
    { peer, token, roles, ...(options.apiMode === undefined ? {} : { apiMode: options.apiMode }) },
    signal,
  );
  return { peer, roles, virtualNode, isUnchanged: false, isNew: known === undefined };
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
    why: 'the token comes from this same cluster',
  });
}

async function freeName(
  client: KubeClient,
  token: InviteToken,
  wanted: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const name = wanted ?? checkPeerName(token.clusterName, 'what the other cluster calls itself');
  if ((await getPeer(client, name, signal)) === undefined) return name;
  const facts = { attempted: 'name the new peer', where: `Peer ${name}` };
  if (wanted !== undefined) throw new PeeringError('NameTaken', { ...facts, why: `${name} is another cluster` });
  const suffixed = nameWithSuffix(name, token.fingerprint);
  if ((await getPeer(client, suffixed, signal)) === undefined) return suffixed;
  throw new PeeringError('NameTaken', { ...facts, why: `${name} and ${suffixed} are other clusters` });
}

async function ensureVirtualNode(
  client: KubeClient,
  name: string,
  peer: string,
  resources: ResourceList | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  const node: VirtualNode = {
    ...typeMeta(VIRTUAL_NODE),
    metadata: { name },
    spec: { peer, ...(resources === undefined ? {} : { resources }) },
  };
  try {
    await client.create<VirtualNode>(VIRTUAL_NODE, node, options);
    return;
  } catch (error) {
    if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
  }
  const existing = await client.get<VirtualNode>(VIRTUAL_NODE, { name }, options);
  const facts = { attempted: 'make the virtual node', where: `VirtualNode ${name}` };
  if (existing.spec.peer !== peer)
    throw new PeeringError('NameTaken', { ...facts, why: `it belongs to peer ${existing.spec.peer}` });
  if (existing.metadata.deletionTimestamp !== undefined) {
    throw new PeeringError('PeerEnding', { ...facts, why: 'it is still being removed' });
  }
  if (resources === undefined || JSON.stringify(existing.spec.resources) === JSON.stringify(resources)) return;
  await client.patch<VirtualNode>(VIRTUAL_NODE, { name }, { spec: { resources } }, { type: 'merge', ...options });
}

/** The token waits here for the controller, who deletes it once it is redeemed. A newer one takes an older one's place. */
async function putRedeemSecret(
  client: KubeClient,
  peer: string,
  token: InviteToken,
  signal: AbortSignal | undefined,
): Promise<void> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: redeemSecretName(peer),
      namespace: SYSTEM_NAMESPACE,
      labels: { [LABEL.peer]: peer, [LABEL.component]: 'redeem' },
    },
    type: 'Opaque',
    data: { token: Buffer.from(mintInvite(token)).toString('base64') },
  };
  await client.apply<Secret>(SECRET, secret, {
    fieldManager: 'tombolo-cli',
    force: true,
    ...(signal === undefined ? {} : { signal }),
  });
}

async function ensurePeer(
  client: KubeClient,
  wish: { peer: string; token: InviteToken; roles: readonly Role[]; apiMode?: 'Auto' | 'Direct' | 'Relay' },
  signal: AbortSignal | undefined,
): Promise<void> {
  const { peer: name, token, roles, apiMode } = wish;
  const peer: Peer = {
    ...typeMeta(PEER),
    metadata: { name, finalizers: [FINALIZER.peering] },
    spec: {
      roles: [...roles],
      addresses: [...token.addresses],
      fingerprint: token.fingerprint,
      ...(apiMode === undefined ? {} : { api: { mode: apiMode } }),
    },
  };
  try {
    await client.create<Peer>(PEER, peer, signal === undefined ? {} : { signal });
    return;
  } catch (error) {
    if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
  }
  await updatePeer(client, name, (stored) => addWish(stored, wish), signal);
}

/** The other side may have made our Peer at this very moment, by redeeming an invite of ours (PEER-17). */
function addWish(
  stored: Peer,
  { token, roles, apiMode }: { token: InviteToken; roles: readonly Role[]; apiMode?: 'Auto' | 'Direct' | 'Relay' },
): boolean {
  if (stored.spec.fingerprint !== token.fingerprint) {
    const why = `it was made for key ${shortFingerprint(stored.spec.fingerprint ?? '')} at this moment`;
    throw new PeeringError('NameTaken', { attempted: 'make the peer', where: `Peer ${stored.metadata.name}`, why });
  }
  let changed = false;
  for (const role of roles) changed = addRole(stored, role) || changed;
  if (JSON.stringify(stored.spec.addresses) !== JSON.stringify(token.addresses)) {
    stored.spec.addresses = [...token.addresses];
    changed = true;
  }
  if (apiMode !== undefined && stored.spec.api?.mode !== apiMode) {
    stored.spec.api = { mode: apiMode };
    changed = true;
  }
  return changed;
}
