import {
  FINALIZER,
  LABEL,
  NAMESPACE_CLAIM,
  type NamespaceClaim,
  type NamespaceClaimStatus,
  type Offers,
  type Peer,
  setCondition,
  tenantNamespace,
  typeMeta,
} from '#pkg/api';
import { type Informer, type KubeClient, KubeError, type Namespace } from '#pkg/kube';
import { type Clock, done, type Reconciler, type ReconcileResult, requeueAfter } from '#pkg/runtime';
import { provisionTwin, type TwinOptions } from './provision-twin.ts';
import { removeTwin } from './remove-twin.ts';
import { twinName } from './twin-name.ts';
import { DEFAULT_OBJECT_LIMITS, standingOf, type TwinOwner } from './twin-objects.ts';

export interface NamespaceClaimDeps {
  readonly client: KubeClient;
  /** Synced before the first reconcile. */
  readonly claims: Pick<Informer<NamespaceClaim>, 'get'>;
  readonly peers: Pick<Informer<Peer>, 'get'>;
  readonly namespaces: Pick<Informer<Namespace>, 'get'>;
  /** What twins may use, where the Peer says nothing else. */
  readonly offers: Offers;
  readonly clock: Clock;
  readonly options?: Partial<TwinOptions>;
}

const FIELD_MANAGER = 'tombolo-namespace-claim';
/** The default account and the root CA come within a fraction of a second, and pods wait for the answer. */
const PARTS_CHECK_MS = 200;
const REMOVAL_CHECK_MS = 1_000;
/** What is in a twin is not watched; drift of it is repaired at this pace. A tenant cannot cause any. */
const RESYNC_MS = 300_000;
/** A name that is taken may become free without an event that we would see in time. */
const TAKEN_CHECK_MS = 30_000;

/** A claim that is answered later than this is told what is waited for. */
const FIRST_ANSWER_MS = 3_000;

type Verdict = Pick<NamespaceClaimStatus, 'state' | 'reason' | 'message' | 'twin' | 'ownerUid'>;

/** Twins that consumers ask for. Key: `<tenant namespace>/<claim>`. For the provider's leader only. */
export function namespaceClaimReconciler(deps: NamespaceClaimDeps): Reconciler {
  const { client, claims, peers, namespaces, clock } = deps;
  const options: Omit<TwinOptions, 'offers'> = {
    podSecurityLevel: deps.options?.podSecurityLevel ?? 'baseline',
    objectLimits: deps.options?.objectLimits ?? DEFAULT_OBJECT_LIMITS,
  };

  /** Undefined where the claim does not lie in a tenant namespace of ours: then nobody is asking. */
  function ownerOf(claim: NamespaceClaim): TwinOwner | undefined {
    const namespace = claim.metadata.namespace ?? '';
    const consumer = namespaces.get(namespace)?.metadata.labels?.[LABEL.origin];
    if (consumer === undefined || tenantNamespace(consumer) !== namespace) return undefined;
    return { consumer, tenantNamespace: namespace, homeNamespace: claim.spec.homeNamespace };
  }

  async function decide(claim: NamespaceClaim, owner: TwinOwner, signal: AbortSignal): Promise<Verdict> {
    if (claim.metadata.name !== claim.spec.homeNamespace) {
      return {
        state: 'Refused',
        reason: 'NameReserved',
        message: `a claim for ${claim.spec.homeNamespace} is named like it`,
      };
    }
    const chosen = twinName(claim.spec, owner.consumer, peers.get(owner.consumer)?.spec.allowedTwinNames);
    const before = claim.status?.twin;
    if ('refused' in chosen) {
      if (before === undefined) return { state: 'Refused', reason: 'NameReserved', message: chosen.refused };
    } else if (before === undefined && !claim.metadata.finalizers?.includes(FINALIZER.twin)) {
      // Before the namespace: a claim that went meanwhile would leave it behind.
      await addFinalizer(claim, signal);
    }
    // What was made once stays what it is, also where patterns or the claim change later.
    const name = before ?? ('name' in chosen ? chosen.name : '');
    const offers = peers.get(owner.consumer)?.spec.offers ?? deps.offers;
    const made = await provisionTwin(client, name, owner, { ...options, offers }, signal);
    switch (made.state) {
      case 'Accepted':
        return {
          state: 'Accepted',
          reason: 'Accepted',
          message: `twin ${name} stands`,
          twin: name,
          ownerUid: made.ownerUid,
        };
      case 'NameTaken':
        return {
          state: 'Refused',
          reason: 'NameTaken',
          message: `a namespace ${name} that is not of this offloading exists at the provider`,
        };
      case 'Waiting':
        return { state: 'Waiting', reason: 'Waiting', message: made.message };
    }
  }

  async function addFinalizer(claim: NamespaceClaim, signal: AbortSignal): Promise<void> {
    await setFinalizers(claim, [...(claim.metadata.finalizers ?? []), FINALIZER.twin], signal);
  }

  async function setFinalizers(claim: NamespaceClaim, finalizers: string[], signal: AbortSignal): Promise<void> {
    const { uid, resourceVersion } = claim.metadata;
    const body = { metadata: { uid, resourceVersion, finalizers } };
    await client.patch<NamespaceClaim>(NAMESPACE_CLAIM, refOf(claim), body, {
      type: 'merge',
      fieldManager: FIELD_MANAGER,
      signal,
    });
  }

  async function writeStatus(claim: NamespaceClaim, verdict: Verdict, signal: AbortSignal): Promise<void> {
    // While the parts of a new twin appear, within a second: the first answer that says something is the one that counts.
    if (verdict.state === 'Waiting' && claim.status?.state === undefined && ageMs(claim) < FIRST_ANSWER_MS) return;
    const status = claimStatus(claim, verdict, clock.wall());
    if (status === undefined) return;
    const { name, namespace, uid } = claim.metadata;
    const metadata = { name, ...(namespace !== undefined && { namespace }), ...(uid !== undefined && { uid }) };
    const body = { ...typeMeta(NAMESPACE_CLAIM), metadata, status };
    await client.apply<NamespaceClaim>(NAMESPACE_CLAIM, body, {
      fieldManager: FIELD_MANAGER,
      force: true,
      subresource: 'status',
      signal,
    });
  }

  async function end(claim: NamespaceClaim, owner: TwinOwner, signal: AbortSignal): Promise<ReconcileResult> {
    if (!claim.metadata.finalizers?.includes(FINALIZER.twin)) return done;
    const chosen = twinName(claim.spec, owner.consumer);
    // Without a status the namespace may still have been made: its name is the same every time.
    const name = claim.status?.twin ?? ('name' in chosen ? chosen.name : undefined);
    if (name !== undefined && claim.metadata.name === claim.spec.homeNamespace) {
      const isRetained = claim.spec.onEnd === 'Retain';
      const removal = await removeTwin(client, name, owner, { isRetained }, signal);
      if (!removal.isGone) {
        await writeStatus(
          claim,
          { ...kept(claim), state: 'Ending', reason: 'Ending', message: removal.message },
          signal,
        );
        return requeueAfter(REMOVAL_CHECK_MS);
      }
    }
    await setFinalizers(
      claim,
      claim.metadata.finalizers.filter((entry) => entry !== FINALIZER.twin),
      signal,
    );
    return done;
  }

  function ageMs({ metadata }: NamespaceClaim): number {
    return clock.wall().getTime() - Date.parse(metadata.creationTimestamp ?? '');
  }

  return {
    name: 'namespace-claim',
    async reconcile(key, signal) {
      const claim = claims.get(key);
      const owner = claim === undefined ? undefined : ownerOf(claim);
      if (claim === undefined || owner === undefined) return done;
      try {
        if (claim.metadata.deletionTimestamp !== undefined) return await end(claim, owner, signal);
        const verdict = await decide(claim, owner, signal);
        await writeStatus(claim, verdict, signal);
        if (verdict.state === 'Waiting') return requeueAfter(PARTS_CHECK_MS);
        return requeueAfter(verdict.reason === 'NameTaken' ? TAKEN_CHECK_MS : RESYNC_MS);
      } catch (error) {
        // Claim or namespace changed or went meanwhile, and the cache will say so in a moment.
        if (error instanceof KubeError && (error.isNotFound || error.isConflict)) return requeueAfter(PARTS_CHECK_MS);
        throw error;
      }
    },
  };
}

function refOf({ metadata: { name, namespace } }: NamespaceClaim) {
  return { name, ...(namespace !== undefined && { namespace }) };
}

function kept({ status }: NamespaceClaim): Verdict {
  return {
    ...(status?.twin !== undefined && { twin: status.twin }),
    ...(status?.ownerUid !== undefined && { ownerUid: status.ownerUid }),
  };
}

/** Undefined where the stored status says the same. */
function claimStatus(claim: NamespaceClaim, verdict: Verdict, now: Date): NamespaceClaimStatus | undefined {
  const { status, metadata } = claim;
  const { state, reason = 'Waiting', message = '' } = verdict;
  const accepted = state === 'Accepted' ? 'True' : state === 'Waiting' ? 'Unknown' : 'False';
  const conditions = setCondition(status?.conditions, { type: 'Accepted', status: accepted, reason, message }, now);
  const isSame =
    conditions === status?.conditions &&
    status.state === state &&
    status.twin === verdict.twin &&
    status.ownerUid === verdict.ownerUid &&
    status.observedGeneration === metadata.generation;
  if (isSame) return undefined;
  return {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    ...verdict,
    conditions,
  };
}

/** Keys of claims to look at when that namespace changes: those of its tenant, or those that may want its name. */
export function claimsTouchedBy(namespace: Namespace, claims: readonly NamespaceClaim[]): string[] {
  return claims
    .filter((claim) => {
      const tenant = claim.metadata.namespace ?? '';
      const consumer = tenant.slice(tenantNamespace('').length);
      const owner = { consumer, tenantNamespace: tenant, homeNamespace: claim.spec.homeNamespace };
      const chosen = twinName(claim.spec, consumer);
      return (
        namespace.metadata.name === (claim.status?.twin ?? ('name' in chosen ? chosen.name : claim.spec.twinName)) ||
        standingOf(namespace, owner) !== 'Foreign'
      );
    })
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
}
