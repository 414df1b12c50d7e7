import { NAMESPACE_CLAIM, type NamespaceClaim, type Offloading, typeMeta, type VirtualNode } from '#pkg/api';
import { KubeError } from '#pkg/kube';
import { type Clock, messageOf } from '#pkg/runtime';
import type { ClaimWatch, ClaimWatches } from './claim-watches.ts';
import type { ClaimView } from './offloading-status.ts';

/** How long a write at a provider may take: it holds up the namespace that it is for. */
const WRITE_MS = 5_000;
/** A provider that did not answer a write is left alone so long, so that it costs every namespace nothing meanwhile. */
const AWAY_MS = 10_000;

/** Reads and writes claims at the providers, and knows which of them cannot be asked right now. */
export interface PeerClaims {
  view(peer: string, homeNamespace: string): ClaimView;
  /** Peers where a claim for that namespace stands, as far as they can be seen. */
  holding(homeNamespace: string): string[];
  /** Sends the claim. @returns why that failed, in one sentence; undefined where it was sent or stood already */
  send(peer: string, offloading: Offloading, signal: AbortSignal): Promise<string | undefined>;
  /** Deletes the claim. @returns like `send` */
  withdraw(peer: string, homeNamespace: string, signal: AbortSignal): Promise<string | undefined>;
}

/** The claim for the twin of an offloaded namespace: one per namespace, named like it. */
export function claimFor(offloading: Offloading, tenantNamespace: string): NamespaceClaim {
  const { namespace: homeNamespace = '' } = offloading.metadata;
  const { twin, onEnd } = offloading.spec;
  return {
    ...typeMeta(NAMESPACE_CLAIM),
    metadata: { name: homeNamespace, namespace: tenantNamespace },
    spec: {
      homeNamespace,
      twinStrategy: twin?.strategy ?? 'Default',
      ...(twin?.name !== undefined && { twinName: twin.name }),
      ...(onEnd !== undefined && { onEnd }),
    },
  };
}

export function peerClaims(watches: ClaimWatches, clock: Clock): PeerClaims {
  const awayUntil = new Map<string, { until: number; why: string }>();

  const standing = ({ connection, informer }: ClaimWatch, homeNamespace: string) =>
    informer.get(`${connection.tenantNamespace}/${homeNamespace}`);

  /** Undefined where the peer can be asked. */
  function whyAway(peer: string, watch: ClaimWatch | undefined): string | undefined {
    if (watch === undefined) return `peer ${peer} is not connected`;
    if (!watch.informer.isSynced) return `peer ${peer} does not answer yet`;
    const away = awayUntil.get(peer);
    return away !== undefined && clock.now() < away.until ? away.why : undefined;
  }

  async function write(
    peer: string,
    work: (watch: ClaimWatch, signal: AbortSignal) => Promise<unknown>,
    signal: AbortSignal,
  ) {
    const watch = watches.of(peer);
    const away = whyAway(peer, watch);
    if (away !== undefined || watch === undefined) return away;
    const timeout = AbortSignal.timeout(WRITE_MS);
    try {
      await work(watch, AbortSignal.any([signal, timeout, watch.connection.signal]));
      awayUntil.delete(peer);
      return undefined;
    } catch (error) {
      if (signal.aborted) throw error;
      const answered = error instanceof KubeError && error.status > 0;
      const why = timeout.aborted ? `peer ${peer} did not answer within ${WRITE_MS / 1000} s` : messageOf(error);
      if (!answered) awayUntil.set(peer, { until: clock.now() + AWAY_MS, why });
      return why;
    }
  }

  return {
    view(peer, homeNamespace) {
      const watch = watches.of(peer);
      const why = whyAway(peer, watch);
      if (why !== undefined || watch === undefined)
        return { state: 'Away', why: why ?? `peer ${peer} is not connected` };
      const claim = standing(watch, homeNamespace);
      return claim === undefined ? { state: 'None' } : { state: 'Known', claim };
    },
    holding: (homeNamespace) =>
      watches
        .list()
        .filter((watch) => standing(watch, homeNamespace) !== undefined)
        .map(({ connection }) => connection.peer),
    send: (peer, offloading, signal) =>
      write(
        peer,
        async ({ connection }, stop) => {
          const claim = claimFor(offloading, connection.tenantNamespace);
          try {
            await connection.cluster.client.create<NamespaceClaim>(NAMESPACE_CLAIM, claim, { signal: stop });
          } catch (error) {
            if (!(error instanceof KubeError && error.isAlreadyExists)) throw error; // the watch will show it
          }
        },
        signal,
      ),
    withdraw: (peer, homeNamespace, signal) =>
      write(
        peer,
        async (watch, stop) => {
          const claim = standing(watch, homeNamespace);
          if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return;
          const { uid } = claim.metadata;
          const ref = { namespace: watch.connection.tenantNamespace, name: claim.metadata.name };
          try {
            const options = { ...(uid !== undefined && { uid }), signal: stop };
            await watch.connection.cluster.client.delete(NAMESPACE_CLAIM, ref, options);
          } catch (error) {
            if (!(error instanceof KubeError && (error.isNotFound || error.isConflict))) throw error;
          }
        },
        signal,
      ),
  };
}

/** Which peer a node stands for; undefined for real nodes. */
export type PeerOfNode = (nodeName: string) => string | undefined;

/** By VirtualNodes as well as by Nodes: either may be missing for a moment while pods still name it. */
export function peerOfNode(
  virtualNodes: readonly VirtualNode[],
  labelsOf: (nodeName: string) => Readonly<Record<string, string>> | undefined,
): PeerOfNode {
  const byName = new Map(virtualNodes.map((node) => [node.status?.nodeName ?? node.metadata.name, node.spec.peer]));
  return (nodeName) => byName.get(nodeName) ?? labelsOf(nodeName)?.['tombolo.io/peer'];
}
