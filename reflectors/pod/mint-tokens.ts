import { type KubeClient, type Pod, SERVICE_ACCOUNT } from '#pkg/kube';
import { mapLimit } from '#pkg/runtime';
import { PodError } from './errors.ts';
import type { TokenWish } from './service-account-tokens.ts';
import type { MintedTokens } from './token-secret.ts';

/** Of `authentication.k8s.io/v1 TokenRequest`, what is read. */
interface TokenAnswer {
  readonly spec?: { readonly expirationSeconds?: number };
  readonly status?: { readonly token?: string };
}

/** Tokens of one pod that are asked for at once. */
const PARALLEL = 4;

/** Real kubelets renew no later (pkg/kubelet/token, maxTTL). */
const MAX_AGE_SECONDS = 24 * 3_600;

/** Least time between renewals, whatever lifetime an API server gives. */
const MIN_AGE_SECONDS = 30;

/** From our write until the file has changed: the provider's kubelet looks at its volumes every 60 to 90 s, with delays. */
const DELIVERY_SECONDS = 180;

/**
 * Tokens of the pod's service account, bound to the pod itself: the API server refuses them once it is gone (POD-52,
 * POD-54). One request per wish.
 * @param random in [0, 1), so that pods that started together are not renewed together
 * @throws KubeError, PodError `TokenNotGiven` (retryable); no message ever has a token in it
 */
export async function mintTokens(
  client: KubeClient,
  local: Pod,
  wishes: readonly TokenWish[],
  { now, random, signal }: { readonly now: Date; readonly random: number; readonly signal: AbortSignal },
): Promise<MintedTokens> {
  const { name, namespace = '', uid = '' } = local.metadata;
  const account = { namespace, name: local.spec?.serviceAccountName ?? 'default' };
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name, uid };
  const minted = await mapLimit(wishes, PARALLEL, async ({ key, audience, expirationSeconds }) => {
    const spec = { ...(audience !== undefined && { audiences: [audience] }), expirationSeconds, boundObjectRef };
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const answer = await client.subresource<TokenAnswer>(SERVICE_ACCOUNT, account, 'token', body, { signal });
    const token = answer.status?.token;
    if (token === undefined || token === '') throw notGiven(account);
    // The server may give another lifetime than was asked for.
    return { key, token, seconds: answer.spec?.expirationSeconds ?? expirationSeconds };
  });
  const ageSeconds = Math.min(...minted.map(({ seconds }) => renewalAge(seconds, random)));
  return {
    tokens: new Map(minted.map(({ key, token }) => [key, token])),
    renewAt: new Date(now.getTime() + ageSeconds * 1_000),
  };
}

/** When a token is made anew, in seconds of its life: before 80 % of it has passed in the pod (POD-53), if it can be. */
export function renewalAge(lifeSeconds: number, random: number): number {
  const latest = Math.min(0.8 * lifeSeconds - DELIVERY_SECONDS, MAX_AGE_SECONDS);
  const spread = 0.1 * Math.min(lifeSeconds, MAX_AGE_SECONDS);
  return Math.max(latest - random * spread, MIN_AGE_SECONDS);
}

function notGiven({ namespace, name }: { readonly namespace: string; readonly name: string }): PodError {
  const where = `service account ${namespace}/${name}`;
  return new PodError('TokenNotGiven', { attempted: 'ask for a token', where, why: 'the answer has none' });
}
