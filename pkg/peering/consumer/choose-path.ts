import type { Peer } from '#pkg/api';
import { connectCluster, KubeError } from '#pkg/kube';
import type { Log } from '#pkg/runtime';
import type { Identity } from '../identity/identity.ts';
import { clusterConfigOf } from './cluster-of-peer.ts';
import { type PeerCredentials, RELAY_ONLY_SERVER } from './peer-credentials.ts';

/** A direct path that needs longer than this to shake hands is not better than the relay. */
const DIRECT_TIMEOUT_MS = 2_000;
const RELAY_TIMEOUT_MS = 6_000;

export interface ChoosePathDeps {
  readonly identity: Identity;
  readonly version: string;
  readonly log: Log;
}

/**
 * `credentials` with the path and server that answer: the announced servers first, then the relay, as `spec.api.mode`
 * allows. Where none answers, the last that could be tried stays, and `failure` says why.
 */
export async function choosePath(
  deps: ChoosePathDeps,
  credentials: PeerCredentials,
  mode: NonNullable<Peer['spec']['api']>['mode'],
  signal: AbortSignal,
): Promise<{ credentials: PeerCredentials; failure?: unknown }> {
  const candidates = candidatesOf(credentials, mode);
  let failure: unknown;
  for (const candidate of candidates) {
    const timeoutMs = candidate.path === 'Direct' ? DIRECT_TIMEOUT_MS : RELAY_TIMEOUT_MS;
    try {
      await tryOnce(deps, candidate, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      return { credentials: candidate };
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  const fallback = candidates.at(-1) ?? { ...credentials, path: 'Relay' as const, server: RELAY_ONLY_SERVER };
  return { credentials: fallback, failure };
}

/** In the order to try. */
export function candidatesOf(
  credentials: PeerCredentials,
  mode: NonNullable<Peer['spec']['api']>['mode'] = 'Auto',
): PeerCredentials[] {
  const direct =
    mode === 'Relay' ? [] : credentials.servers.map((server) => ({ ...credentials, path: 'Direct' as const, server }));
  const mayRelay = mode === 'Relay' || (mode === 'Auto' && credentials.relayAllowed);
  const relay = { ...credentials, path: 'Relay' as const, server: credentials.servers[0] ?? RELAY_ONLY_SERVER };
  return mayRelay ? [...direct, relay] : direct;
}

/** Any answer proves the path: whether the credential is good is another question, asked by every probe. */
async function tryOnce(deps: ChoosePathDeps, candidate: PeerCredentials, signal: AbortSignal): Promise<void> {
  const config = clusterConfigOf(candidate, {
    current: () => candidate,
    identity: () => Promise.resolve(deps.identity),
    userAgent: `tombolo/${deps.version}`,
  });
  await using cluster = connectCluster({ ...config, requestConnections: 1 }, { log: deps.log });
  try {
    await cluster.client.version({ signal });
  } catch (error) {
    if (error instanceof KubeError && error.status > 0) return;
    throw error;
  }
}
