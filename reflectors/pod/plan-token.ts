import type { KubeObject, Pod, ReplicaSet } from '#pkg/kube';
import { chooseRemote } from './choose-remote.ts';
import { isTerminal, isTerminating } from './pod-types.ts';
import { isOwned, renewAtOf, type TokenOwner } from './token-secret.ts';

export interface TokenFacts {
  readonly local: Pod | undefined;
  /** Whether the pod is to have tokens of home. */
  readonly isWanted: boolean;
  /** The caches of the twin are complete. */
  readonly isTwinSynced: boolean;
  readonly isCreating: boolean;
  readonly remotes: readonly Pod[];
  readonly wrapper: ReplicaSet | undefined;
  /** Made by this run; the caches may lack it still. */
  readonly made: TokenOwner | undefined;
  readonly secret: KubeObject | undefined;
  readonly now: Date;
}

/** What to do about the token Secret of one pod. */
export type TokenStep =
  | { readonly do: 'nothing'; readonly lookAgainMs?: number }
  | { readonly do: 'create'; readonly owner: TokenOwner }
  | { readonly do: 'renew'; readonly secret: KubeObject; readonly owner: TokenOwner }
  /** What it belonged to was taken away from over it: a wrapper whose pod stays. */
  | { readonly do: 'own'; readonly secret: KubeObject; readonly owner: TokenOwner }
  /** It belongs to nothing that could take it along. */
  | { readonly do: 'delete'; readonly secret: KubeObject };

const NOTHING: TokenStep = { do: 'nothing' };

/**
 * Decides. Pure. A Secret that stands is kept as long as its pod, also where the pod, or its namespace, has changed its
 * mind about the API since: what was mounted stays mounted. One that belongs to an object that is gone is as good as gone.
 */
export function planToken(facts: TokenFacts): TokenStep {
  const { local, secret, now } = facts;
  const owner = facts.made ?? ownerOf(facts);
  if (!facts.isTwinSynced && facts.made === undefined) return NOTHING;
  if (owner === undefined) return planOwnerless(facts);
  const isLiving = local !== undefined && !isTerminating(local) && !isTerminal(local);
  if (secret === undefined) return isLiving && facts.isWanted ? { do: 'create', owner } : NOTHING;
  if (!isOwned(secret)) return { do: 'own', secret, owner };
  if (!isLiving) return NOTHING;
  const lookAgainMs = renewAtOf(secret) - now.getTime();
  return lookAgainMs <= 0 ? { do: 'renew', secret, owner } : { do: 'nothing', lookAgainMs };
}

/** What has an owner is left to the garbage collector. */
function planOwnerless({ secret, isCreating }: TokenFacts): TokenStep {
  return secret === undefined || isOwned(secret) || isCreating ? NOTHING : { do: 'delete', secret };
}

function ownerOf({ wrapper, remotes }: TokenFacts): TokenOwner | undefined {
  const { living } = chooseRemote(remotes);
  if (wrapper !== undefined && !isTerminating(wrapper)) return owner('ReplicaSet', wrapper);
  return living === undefined ? undefined : owner('Pod', living);
}

function owner(kind: TokenOwner['kind'], { metadata: { name, uid = '' } }: KubeObject): TokenOwner {
  return { kind, name, uid };
}
