import { isNotFound, type KubeClient, KubeError, type Pod, SECRET } from '#pkg/kube';
import { LABEL } from '#pkg/api';
import { errorFields, isCodedError } from '#pkg/runtime';
import { PodError } from './errors.ts';
import { mintTokens } from './mint-tokens.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import { CACHE_LAG_MS, type PodNotes } from './pod-memory.ts';
import { hasRun } from './pod-types.ts';
import type { TokenStep } from './plan-token.ts';
import type { ProviderLink } from './provider-link.ts';
import { type Refusal, refusal } from './refusal.ts';
import { tokenWishes } from './service-account-tokens.ts';
import { asPod } from './status-writer.ts';
import { type MintedTokens, ownerReference, tokenSecret, tokenSecretFields, type TokenOwner } from './token-secret.ts';

export interface TokenOutcome {
  /** Why the pod cannot start, where that is so. */
  readonly refusal?: Refusal | undefined;
  readonly recheckMs?: number | undefined;
}

export interface TokenKeeper {
  /**
   * Does what was planned for the token Secret of one pod: at most one request per token at home and two at the provider.
   * What fails is tried again later and never holds up the rest of the pod.
   */
  keep(step: TokenStep, pod: TokenPod, signal: AbortSignal): Promise<TokenOutcome>;
}

export interface TokenPod {
  /** Undefined: gone. Then nothing is made or renewed. */
  readonly local: Pod | undefined;
  readonly twin: string;
  readonly notes: PodNotes;
}

/** After a failure, and three times as long after each further one. */
const RETRY_MS = 1_000;
/** An API server that is away, or an account that is gone, is asked no more often. */
const MAX_RETRY_MS = 60_000;
/** The provider is away; its return looks at every pod at once. */
const AWAY_MS = 5_000;

/** Holds nothing: what it must know of a pod is in its notes. Tokens are in memory for one run, and in no log. */
export function tokenKeeper(deps: PodReflectorDeps & { readonly link: ProviderLink }): TokenKeeper {
  const { clock, link, remote, home, events, log, random = Math.random } = deps;
  const provider = remote.cluster.client;

  const mint = (local: Pod, signal: AbortSignal): Promise<MintedTokens> =>
    mintTokens(home.client, local, tokenWishes(local), { now: clock.wall(), random: random(), signal });

  const act = async (step: TokenStep, { local, twin }: TokenPod, signal: AbortSignal): Promise<void> => {
    const call = <T>(request: (client: KubeClient, s: AbortSignal) => Promise<T>) =>
      link.call((s) => request(provider, s), signal);
    const patch = (body: { metadata: object; data?: object }, { name, uid }: { name: string; uid?: string }) =>
      call((client, s) =>
        client.patch(
          SECRET,
          { namespace: twin, name },
          // The UID makes it a conflict where another Secret stands there by now.
          { ...body, metadata: { ...body.metadata, ...(uid !== undefined && { uid }) } },
          { type: 'merge', signal: s },
        ),
      );
    switch (step.do) {
      case 'nothing':
        return;
      case 'create':
        if (local !== undefined) await create(local, twin, await mint(local, signal), step.owner, call);
        return;
      case 'renew':
        if (local !== undefined)
          await patch(tokenSecretFields(await mint(local, signal), step.owner), step.secret.metadata);
        return;
      case 'own':
        await patch({ metadata: { ownerReferences: [ownerReference(step.owner)] } }, step.secret.metadata);
        return;
      case 'delete': {
        const { name, uid } = step.secret.metadata;
        const precondition = uid === undefined ? {} : { uid };
        await call((client, s) => client.delete(SECRET, { namespace: twin, name }, { ...precondition, signal: s }));
      }
    }
  };

  const create = async (
    local: Pod,
    twin: string,
    minted: MintedTokens,
    owner: TokenOwner,
    call: <T>(request: (client: KubeClient, s: AbortSignal) => Promise<T>) => Promise<T>,
  ): Promise<void> => {
    const secret = tokenSecret(local, twin, { origin: remote.origin, nodeName: deps.nodeName }, minted, owner);
    const ref = { namespace: twin, name: secret.metadata.name };
    try {
      await call((client, s) => client.create(SECRET, secret, { signal: s }));
      return;
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error;
    }
    // From a create whose answer was lost, or of an older wrapper that the garbage collector has not reached yet.
    const standing = await call((client, s) => client.get(SECRET, ref, { signal: s }));
    if (standing.metadata.labels?.[LABEL.podUid] !== local.metadata.uid) {
      const where = `Secret ${twin}/${ref.name} on ${remote.peer}`;
      throw new PodError('NameTaken', {
        attempted: 'keep tokens',
        where,
        why: 'a Secret of somebody else has that name',
      });
    }
    const { uid, resourceVersion } = standing.metadata;
    const { metadata, data } = tokenSecretFields(minted, owner);
    const body = { metadata: { ...metadata, uid, resourceVersion }, data };
    await call((client, s) => client.patch(SECRET, ref, body, { type: 'merge', signal: s }));
  };

  const failed = (error: unknown, step: TokenStep, { local, notes }: TokenPod): TokenOutcome => {
    const { token } = notes;
    const recheckMs = Math.min(RETRY_MS * 3 ** token.failures, MAX_RETRY_MS);
    token.failures++;
    token.waitUntilMs = clock.now() + recheckMs;
    if (local === undefined) return { recheckMs };
    const why = sentence(error, local);
    // A pod that runs goes on with the token that it has.
    token.refusal = step.do === 'create' && !hasRun(local) ? refusal(remote.peer, reasonOf(error), why) : undefined;
    if (token.failures === 1) {
      const { namespace, name } = local.metadata;
      log.warn(
        { pod: `${namespace}/${name}`, ...errorFields(error) },
        'the token of a pod could not be made or renewed',
      );
      events.event(asPod(local), 'Warning', 'FailedReflection', `${remote.peer}: ${why}`);
    }
    return { refusal: token.refusal, recheckMs };
  };

  return {
    async keep(step, pod, signal) {
      const { token } = pod.notes;
      if (step.do === 'nothing') {
        token.failures = 0;
        token.refusal = undefined;
        return { recheckMs: step.lookAgainMs };
      }
      const waitMs = token.waitUntilMs - clock.now();
      if (waitMs > 0) return { refusal: token.refusal, recheckMs: waitMs };
      // A token that cannot be delivered is none: nothing is asked of home for it.
      if (link.downSince !== undefined) return { recheckMs: AWAY_MS };
      try {
        await act(step, pod, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof PodError && error.code === 'ProviderUnreachable') return { recheckMs: AWAY_MS };
        // It went, or somebody was faster: its event is on the way, and the next run decides again.
        if (step.do !== 'create' && error instanceof KubeError && (error.isNotFound || error.isConflict)) {
          return { recheckMs: RETRY_MS };
        }
        if (!isCodedError(error)) throw error;
        return failed(error, step, pod);
      }
      token.failures = 0;
      token.refusal = undefined;
      token.waitUntilMs = clock.now() + CACHE_LAG_MS;
      return { recheckMs: CACHE_LAG_MS };
    },
  };
}

function reasonOf(error: unknown): Refusal['reason'] {
  if (error instanceof PodError && error.code === 'NameTaken') return 'NameTaken';
  return isNotFound(error) ? 'MissingReference' : 'Refused';
}

function sentence(error: unknown, { spec }: Pod): string {
  const why = isCodedError(error) ? error.why : 'unknown';
  return `no token of service account "${spec?.serviceAccountName ?? 'default'}" for the pod there: ${why}`;
}
