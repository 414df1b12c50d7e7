import {
  FINALIZER,
  getCondition,
  LABEL,
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  type Peer,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import { KubeError, NODE, type Node, POD, type Pod } from '#pkg/kube';
import { isPeeringError, PeeringError } from '../errors.ts';
import type { PeerCluster } from '../peer-clusters.ts';
import { unlessNotFound } from '../not-found.ts';
import { isForced } from '../peer-view.ts';
import type { ConsumerDeps } from './obtain.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import { probeFailure } from './probe.ts';
import type { ConsumerSession } from './session.ts';
import { deletePeerSecrets } from './store.ts';

const CLAIMS_TIMEOUT_MS = 5_000;

/** Where the end of a direction stands. */
export type EndState =
  | { readonly state: 'Done' }
  /** Going on; `step` says what is waited for. */
  | { readonly state: 'Going'; readonly step: string }
  /** Cannot go on by itself. */
  | { readonly state: 'Stuck'; readonly step: string; readonly error: unknown };

/** The direction that ends. */
export interface Ending {
  readonly peer: Peer;
  readonly credentials: PeerCredentials | undefined;
  readonly provider: PeerCluster | undefined;
  /** Whether the provider may ever have been asked for anything. */
  readonly wasTried: boolean;
}

/**
 * Takes one step towards the end of the direction in which we use the peer. Level-triggered: each call sees what is left
 * and does the first thing that is due. Order: drain the virtual nodes, let the twins go, say goodbye, forget the
 * credentials. While the peer is away and nobody forces, nothing is deleted at all (PEER-26).
 * @param session with a look of this moment, so that "away" is no news of yesterday
 */
export async function endConsumer(
  deps: ConsumerDeps,
  what: Ending,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<EndState> {
  const { peer, credentials, provider } = what;
  const name = peer.metadata.name;
  const nodes = await virtualNodesOf(deps, name, signal);
  // A provider that says under its key that it does not know us has nothing of ours any more.
  const gone = isForced(peer) || session.disownedSinceMs !== undefined;
  if (gone || credentials === undefined) {
    if (!gone && what.wasTried) await sayGoodbyeOnce(deps, peer, session, signal);
    const left = await clearNodes(deps, name, nodes, signal);
    if (left > 0) return { state: 'Going', step: `remove ${left} objects of the virtual node` };
    await deletePeerSecrets(deps.home, name, signal);
    return { state: 'Done' };
  }
  if (hasTakenAllBack(session)) {
    const left = await clearNodes(deps, name, nodes, signal);
    if (left > 0) return { state: 'Going', step: `remove ${left} objects of the virtual node` };
    return goodbye(deps, name, credentials, session, signal);
  }
  const away = awayBecause(credentials, provider, session);
  if (away !== undefined) return { state: 'Stuck', step: 'reach the peer', error: cannotEnd(name, away) };
  if (nodes.length > 0) return drain(deps, nodes, signal);
  let claims: string[];
  try {
    claims = await claimsLeft(credentials, provider, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { state: 'Stuck', step: 'see which twin namespaces are left', error: cannotEnd(name, error) };
  }
  if (claims.length > 0)
    return { state: 'Going', step: `wait until ${claims.length} twin namespaces are gone: ${claims.join(', ')}` };
  return goodbye(deps, name, credentials, session, signal);
}

/** Tells the provider, until it says that nothing of ours is left there. */
async function goodbye(
  deps: ConsumerDeps,
  name: string,
  credentials: PeerCredentials,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<EndState> {
  try {
    const { state } = await session.peering(credentials.addresses, credentials.fingerprint).unpeer(signal);
    if (state === 'Ending') return { state: 'Going', step: `wait until ${name} has removed what it held for us` };
  } catch (error) {
    signal.throwIfAborted();
    // Our Peer there is gone with its last role: the goodbye was heard.
    if (!isPeeringError(error, 'NotPeered'))
      return { state: 'Stuck', step: 'say goodbye to the peer', error: cannotEnd(name, error) };
  }
  await deletePeerSecrets(deps.home, name, signal);
  return { state: 'Done' };
}

async function virtualNodesOf(deps: ConsumerDeps, peer: string, signal: AbortSignal): Promise<VirtualNode[]> {
  const { items } = await deps.home.list<VirtualNode>(VIRTUAL_NODE, {}, { signal });
  return items.filter((node) => node.spec.peer === peer);
}

/** Their finalizer drains; what it waits for stands in their conditions. */
async function drain(deps: ConsumerDeps, nodes: readonly VirtualNode[], signal: AbortSignal): Promise<EndState> {
  for (const { metadata } of nodes) {
    if (metadata.deletionTimestamp !== undefined) continue;
    await deps.home.delete(VIRTUAL_NODE, { name: metadata.name }, { ...uidOf(metadata), signal }).catch(unlessNotFound);
  }
  const sentences = nodes.map((node) => {
    const draining = getCondition(node.status?.conditions, 'Draining');
    return draining === undefined ? node.metadata.name : `${node.metadata.name} (${draining.message})`;
  });
  return { state: 'Going', step: `drain virtual node ${sentences.join(', ')}` };
}

/** The provider lends nothing to us any more, and said so when it was asked last: no pod of ours is left to drain there. */
function hasTakenAllBack({ endpoint }: ConsumerSession): boolean {
  return endpoint.failures === 0 && endpoint.last?.lends === false;
}

/** What the last look says against going on; `undefined` where the provider answers. */
function awayBecause(
  credentials: PeerCredentials,
  provider: PeerCluster | undefined,
  { api, endpoint }: ConsumerSession,
): unknown {
  if (isPeeringError(endpoint.error, 'IdentityChanged')) return endpoint.error;
  if (provider === undefined) {
    const why = 'there is no connection';
    return new PeeringError('ApiUnreachable', {
      attempted: 'reach the API server of the peer',
      where: credentials.server,
      why,
    });
  }
  // Rights are gone already: an earlier goodbye was heard. What is left to do shows the peering endpoint.
  return isRefusal(api.error) ? undefined : api.error;
}

async function claimsLeft(
  { tenantNamespace }: PeerCredentials,
  provider: PeerCluster | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  if (provider === undefined) return [];
  try {
    const { items } = await provider.cluster.client.list<NamespaceClaim>(
      NAMESPACE_CLAIM,
      { namespace: tenantNamespace },
      { signal: AbortSignal.any([signal, AbortSignal.timeout(CLAIMS_TIMEOUT_MS)]) },
    );
    return items.map((claim) => claim.status?.twin ?? claim.metadata.name);
  } catch (error) {
    signal.throwIfAborted();
    const failure = probeFailure(error, tenantNamespace);
    if (isRefusal(failure)) return []; // see `awayBecause`
    throw failure;
  }
}

/** Our rights there are gone: with a token, or at the relay. */
function isRefusal(error: unknown): boolean {
  return (['NotLent', 'NotPeered', 'CredentialRefused'] as const).some((code) => isPeeringError(error, code));
}

/**
 * Nothing was ever obtained, as far as we know; but an answer to our redeem may have been lost, and then the provider
 * holds a tenant for us. One try: who was never reached cannot hold up the end.
 */
async function sayGoodbyeOnce(
  deps: ConsumerDeps,
  peer: Peer,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<void> {
  const { addresses = [], fingerprint } = peer.spec;
  if (fingerprint === undefined || addresses.length === 0) return;
  const peering = session.peering(addresses, fingerprint as PeerCredentials['fingerprint']);
  try {
    // First, so that nobody accepts what is not wanted any more; what was accepted just before ends by the goodbye.
    if (peer.spec.request !== undefined) await peering.withdraw(signal);
    await peering.unpeer(signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isPeeringError(error, 'NotPeered'))
      deps.log.info(
        { peer: peer.metadata.name, error: String(error) },
        'a peer that was never peered with could not be told',
      );
  }
}

/**
 * Removes the virtual nodes and everything on them at once, asking nobody: the provider has nothing of ours, or cannot
 * be asked. Returns how many objects are still there; call again until none is.
 */
async function clearNodes(
  deps: ConsumerDeps,
  peer: string,
  virtualNodes: readonly VirtualNode[],
  signal: AbortSignal,
): Promise<number> {
  const { home } = deps;
  let left = 0;
  for (const { metadata } of virtualNodes) {
    left++;
    await home.delete(VIRTUAL_NODE, { name: metadata.name }, { ...uidOf(metadata), signal }).catch(unlessNotFound);
    await dropFinalizer(deps, metadata.name, FINALIZER.virtualNode, signal);
  }
  const { items: nodes } = await home.list<Node>(NODE, { labelSelector: `${LABEL.peer}=${peer}` }, { signal });
  for (const node of nodes) {
    left++;
    const fieldSelector = `spec.nodeName=${node.metadata.name}`;
    const { items: pods } = await home.list<Pod>(POD, { fieldSelector }, { signal });
    for (const { metadata } of pods) {
      left++;
      const ref = { namespace: metadata.namespace ?? '', name: metadata.name };
      await home.delete(POD, ref, { ...uidOf(metadata), gracePeriodSeconds: 0, signal }).catch(unlessNotFound);
    }
    await home.delete(NODE, { name: node.metadata.name }, { ...uidOf(node.metadata), signal }).catch(unlessNotFound);
  }
  return left;
}

/** With a test, so that a finalizer of somebody else is never hit; a conflict is seen by the next call. */
async function dropFinalizer(deps: ConsumerDeps, name: string, finalizer: string, signal: AbortSignal): Promise<void> {
  const stored = await deps.home.get<VirtualNode>(VIRTUAL_NODE, { name }, { signal }).catch(unlessNotFound);
  const index = stored?.metadata.finalizers?.indexOf(finalizer) ?? -1;
  if (index < 0) return;
  const path = `/metadata/finalizers/${index}`;
  const body = [
    { op: 'test', path, value: finalizer },
    { op: 'remove', path },
  ];
  await deps.home.patch<VirtualNode>(VIRTUAL_NODE, { name }, body, { type: 'json', signal }).catch((error: unknown) => {
    if (!(error instanceof KubeError && (error.isNotFound || error.isConflict || error.isInvalid))) throw error;
  });
}

function uidOf(metadata: { uid?: string }): { uid?: string } {
  return metadata.uid === undefined ? {} : { uid: metadata.uid };
}

function cannotEnd(peer: string, cause: unknown): PeeringError {
  const why = isPeeringError(cause) ? `${cause.where}: ${cause.why}` : String(cause);
  return new PeeringError(
    'PeerUnreachable',
    {
      attempted: `end the peering with ${peer}`,
      where: peer,
      why: `it does not answer (${why}); nothing was deleted`,
      next: `bring it back, and this goes on by itself; or run \`tombolo unpeer ${peer} --force\` to clean this side only`,
    },
    { cause },
  );
}
