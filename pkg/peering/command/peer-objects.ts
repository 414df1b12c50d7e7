import {
  type ApiMode,
  FINALIZER,
  type NetworkMode,
  type Peer,
  PEER,
  type PeerSpec,
  type ResourceList,
  type Role,
  typeMeta,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import { KubeError, type KubeClient } from '#pkg/kube';
import { PeeringError } from '../errors.ts';
import { shortFingerprint } from '../identity/fingerprint.ts';
import { addRole, updatePeer } from '../peer-view.ts';
import type { PeeringTarget } from './check-wish.ts';

/** Made first of all that is written, because admission may refuse its name. Idempotent. */
export async function ensureVirtualNode(
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

/** What a Peer is to say. */
export interface PeerContent {
  readonly peer: string;
  readonly target: PeeringTarget;
  readonly roles: readonly Role[];
  readonly apiMode?: ApiMode | undefined;
  readonly networkMode?: NetworkMode | undefined;
  readonly request?: PeerSpec['request'];
}

/** Makes the Peer, or adds the wish to the one that is there. Idempotent. */
export async function ensurePeer(
  client: KubeClient,
  content: PeerContent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { peer: name, target, roles, apiMode, networkMode, request } = content;
  const peer: Peer = {
    ...typeMeta(PEER),
    metadata: { name, finalizers: [FINALIZER.peering] },
    spec: {
      roles: [...roles],
      addresses: [...target.addresses],
      fingerprint: target.fingerprint,
      ...(request === undefined ? {} : { request }),
      ...(apiMode === undefined ? {} : { api: { mode: apiMode } }),
      ...(networkMode === undefined ? {} : { network: { mode: networkMode } }),
    },
  };
  try {
    await client.create<Peer>(PEER, peer, signal === undefined ? {} : { signal });
    return;
  } catch (error) {
    if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
  }
  await updatePeer(client, name, (stored) => addWish(stored, content), signal);
}

/** The other side may have made our Peer at this very moment, by redeeming an invite of ours (PEER-17). */
function addWish({ metadata, spec }: Peer, { target, roles, apiMode, networkMode, request }: PeerContent): boolean {
  if (spec.fingerprint !== target.fingerprint) {
    const why = `it was made for key ${shortFingerprint(spec.fingerprint ?? '')} at this moment`;
    throw new PeeringError('NameTaken', { attempted: 'make the peer', where: `Peer ${metadata.name}`, why });
  }
  const before = JSON.stringify(spec);
  for (const role of roles) addRole({ metadata, spec }, role);
  spec.addresses = [...target.addresses];
  if (apiMode !== undefined && spec.api?.mode !== apiMode) spec.api = { mode: apiMode };
  if (networkMode !== undefined && spec.network?.mode !== networkMode) spec.network = { mode: networkMode };
  if (request !== undefined) spec.request = request;
  return JSON.stringify(spec) !== before;
}
