import { type Peer, PEER, SYSTEM_NAMESPACE } from '#pkg/api';
import type { Informer, Secret } from '#pkg/kube';
import { isCodedError } from '#pkg/runtime';
import { unlessNotFound } from '../not-found.ts';
import type { PeerClusters } from '../peer-clusters.ts';
import { isForced, markForced, removeRole, stands, updatePeer, wants } from '../peer-view.ts';
import { type DirectionReport, over, verdict, verdictOf } from '../report.ts';
import { awaitApproval } from './await-approval.ts';
import { consumerReport } from './consumer-view.ts';
import { endConsumer } from './end.ts';
import { isDisowned, look, mend } from './look.ts';
import { type ConsumerDeps, obtainCredentials } from './obtain.ts';
import {
  credentialsOfSecret,
  credentialsSecretName,
  type PeerCredentials,
  redeemSecretName,
} from './peer-credentials.ts';
import { type ConsumerSession, failed, succeeded } from './session.ts';
import { readSecret } from './store.ts';
import { unlessEnding } from './unless-ending.ts';

/** How long a provider must go on saying that it does not know us before we believe it (PEER-28 allows 60 s). */
const DISOWNED_AFTER_MS = 15_000;
/** Steps of an end follow each other quickly; what takes long (a drain) is looked at once a second. */
const ENDING_RECHECK_MS = 1_000;

/** Looks at the direction in which this cluster uses `peer`, does what is due, and says how it stands. */
export async function reconcileConsumer(
  deps: ConsumerDeps & {
    clusters: PeerClusters;
    peers: Pick<Informer<Peer>, 'on'>;
    secrets: { get(key: string): Secret | undefined };
  },
  peer: Peer,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<DirectionReport> {
  const credentials = await currentCredentials(deps, peer, signal);
  const wanted = wants(peer, 'Consume');
  const provider = credentials === undefined ? undefined : deps.clusters.get(peer.metadata.name);
  if (credentials !== undefined && !isForced(peer)) {
    if (provider === undefined && !credentials.suspended) return connecting('take the credentials over', 50);
    const now = deps.clock.now();
    const isOld = !wanted && now - session.lookedAtMs >= ENDING_RECHECK_MS;
    if (isOld || now >= session.nextLookAtMs) {
      await look(deps, credentials, provider, session, signal);
      // An end says first how it stands: to mend what gives no answer takes 15 s, and PEER-26 counts 10.
      if (wanted || session.isEnding) {
        await unlessEnding(deps.peers, peer, signal, (both) => mend(deps, peer, credentials, provider, session, both));
      }
      session.isEnding = !wanted;
      if (wanted) await followProvidersEnd(deps, peer, session, signal);
    }
  }
  if (!wanted) {
    const invite = deps.secrets.get(`${SYSTEM_NAMESPACE}/${redeemSecretName(peer.metadata.name)}`);
    const wasTried =
      invite !== undefined ||
      peer.spec.request !== undefined ||
      stands(peer, 'Consume') ||
      peer.spec.roles.includes('Consume');
    const end = await endConsumer(deps, { peer, credentials, provider, wasTried }, session, signal);
    return endReport(deps, peer, end, credentials, session);
  }
  if (credentials === undefined) return obtain(deps, peer, session, signal);
  return consumerReport(peer, credentials, session, deps.clock.now());
}

/** From the cache; what the cache does not have is asked for, because credentials must not be obtained twice. */
async function currentCredentials(
  deps: ConsumerDeps & { secrets: { get(key: string): Secret | undefined } },
  peer: Peer,
  signal: AbortSignal,
): Promise<PeerCredentials | undefined> {
  const name = credentialsSecretName(peer.metadata.name);
  const cached = credentialsOfSecret(deps.secrets.get(`${SYSTEM_NAMESPACE}/${name}`));
  if (cached !== undefined) return cached;
  return credentialsOfSecret(await readSecret(deps.home, name, signal));
}

async function obtain(
  deps: ConsumerDeps,
  peer: Peer,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<DirectionReport> {
  const { clock } = deps;
  const { obtaining } = session;
  const invite = await readSecret(deps.home, redeemSecretName(peer.metadata.name), signal);
  const asks = invite === undefined && peer.spec.request !== undefined;
  const step = invite !== undefined ? 'redeem the invite' : asks ? 'ask for approval' : 'ask for a credential';
  // What failed for good is tried again only when its Peer or its invite was changed.
  const attempt = `${peer.metadata.uid}/${peer.metadata.generation}/${invite?.metadata.resourceVersion ?? ''}`;
  if (obtaining.deadFor === attempt) return notObtained(peer, step, obtaining.error, true, 15_000);
  if (clock.now() < obtaining.notBeforeMs)
    return notObtained(peer, step, obtaining.error, false, obtaining.notBeforeMs - clock.now());
  try {
    const waiting = asks ? await awaitApproval(deps, peer, session, signal) : undefined;
    if (waiting !== undefined) {
      succeeded(obtaining);
      return waiting;
    }
    await obtainCredentials(deps, peer, session, invite, signal);
  } catch (error) {
    signal.throwIfAborted();
    failed(obtaining, error, clock);
    const final = isCodedError(error) && !error.retryable;
    obtaining.deadFor = final ? attempt : undefined;
    deps.log.warn({ peer: peer.metadata.name, error: String(error) }, 'a peering could not be set up');
    return notObtained(peer, step, error, final, obtaining.notBeforeMs - clock.now());
  }
  succeeded(obtaining);
  session.nextLookAtMs = clock.now();
  return connecting('take the credentials over', 20);
}

function notObtained(
  peer: Peer,
  step: string,
  error: unknown,
  final: boolean,
  requeueAfterMs: number,
): DirectionReport {
  return {
    role: 'Consume',
    stands: false,
    phase: final ? 'Failed' : peer.status?.phase === undefined ? 'Pending' : 'Connecting',
    step,
    authenticated: error === undefined ? verdict('Unknown', 'Pending', step) : verdictOf(error),
    apiReachable: verdict('Unknown', 'Pending', 'there is no credential yet'),
    facts: {},
    requeueAfterMs: Math.max(50, requeueAfterMs),
  };
}

function connecting(step: string, requeueAfterMs: number): DirectionReport {
  const pending = verdict('Unknown', 'Pending', step);
  return {
    role: 'Consume',
    stands: true,
    phase: 'Connecting',
    step,
    authenticated: pending,
    apiReachable: pending,
    facts: {},
    requeueAfterMs,
  };
}

/**
 * The provider ends the peering: so do we. It says so on our grants, at its endpoint, or by not knowing us any more.
 * Only words under its pinned key, or of its API server, count.
 */
async function followProvidersEnd(
  deps: ConsumerDeps,
  peer: Peer,
  session: ConsumerSession,
  signal: AbortSignal,
): Promise<void> {
  const { api, endpoint } = session;
  const { name } = peer.metadata;
  const disownedForMs = deps.clock.now() - (session.disownedSinceMs ?? Number.POSITIVE_INFINITY);
  if (isDisowned(session) && disownedForMs >= DISOWNED_AFTER_MS) {
    // It has thrown us out with `--force`: nothing of either direction is left there, and nobody to ask (PEER-28).
    deps.log.warn({ peer: name }, 'the peer does not know us any more; this side is cleaned');
    await endByForce(deps, peer, signal);
    return;
  }
  const announced =
    (api.failures === 0 && api.last?.ending === true) || (endpoint.failures === 0 && endpoint.last?.ending === true);
  const dropped = endpoint.failures === 0 && endpoint.last?.lends === false;
  if (!announced && !dropped) return;
  deps.log.info({ peer: name, announced, dropped }, 'the provider ends the peering');
  await updatePeer(deps.home, name, (stored) => removeRole(stored, 'Consume'), signal);
}

async function endByForce(deps: ConsumerDeps, peer: Peer, signal: AbortSignal): Promise<void> {
  const { name, uid } = peer.metadata;
  await updatePeer(deps.home, name, markForced, signal);
  await deps.home.delete(PEER, { name }, { ...(uid === undefined ? {} : { uid }), signal }).catch(unlessNotFound);
}

function endReport(
  deps: ConsumerDeps,
  peer: Peer,
  end: Awaited<ReturnType<typeof endConsumer>>,
  credentials: PeerCredentials | undefined,
  session: ConsumerSession,
): DirectionReport {
  const base =
    credentials === undefined
      ? connecting('', ENDING_RECHECK_MS)
      : consumerReport(peer, credentials, session, deps.clock.now());
  const ending = { ...base, phase: 'Ending' as const, requeueAfterMs: ENDING_RECHECK_MS };
  switch (end.state) {
    case 'Done':
      return over(ending, peer);
    case 'Going':
      return { ...ending, step: end.step };
    case 'Stuck': {
      const stuck = verdictOf(end.error);
      const unreachable = { ...stuck, status: 'False' as const };
      return {
        ...ending,
        step: end.step,
        apiReachable: unreachable,
        degraded: { ...stuck, status: 'True' },
        requeueAfterMs: 2_000,
      };
    }
  }
}
