import type { KubeClient } from '#pkg/kube';
import { requestToken } from '../provider/tenant.ts';
import type { ConsumerDeps } from './obtain.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import { writeCredentials } from './store.ts';

/** As the kubelet does with bound tokens: early enough that ten minutes leave two for retries. */
const RENEW_AT = 0.8;

/** Milliseconds until the token should be renewed; 0 or less: now. */
export function renewInMs(credentials: PeerCredentials, now: Date): number {
  const leftMs = credentials.expiresAt.getTime() - now.getTime();
  return Math.round(leftMs - credentials.lifetimeSeconds * 1000 * (1 - RENEW_AT));
}

/**
 * Renews the token by itself: the account may mint tokens for itself and nobody else. The old token stays good until it
 * ends, so no request fails meanwhile.
 * @param provider client of the provider's API server
 */
export async function renewToken(
  deps: ConsumerDeps,
  provider: KubeClient,
  credentials: PeerCredentials,
  signal: AbortSignal,
): Promise<void> {
  const { token, lifetimeSeconds } = await requestToken(
    provider,
    credentials.tenantNamespace,
    credentials.lifetimeSeconds,
    signal,
  );
  const expiresAt = new Date(deps.clock.wall().getTime() + lifetimeSeconds * 1000);
  await writeCredentials(deps.home, { ...credentials, token, expiresAt, lifetimeSeconds }, signal);
}
