import { GRANT, type Grant, isConditionTrue, type Peer, PEER, setCondition, tenantNamespace } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import type { Clock, Log } from '#pkg/runtime';
import { shortFingerprint } from '../identity/fingerprint.ts';
import { isForced, removeRole, stands, updatePeer, wants } from '../peer-view.ts';
import { type DirectionReport, over, type Verdict, verdict, verdictOf } from '../report.ts';
import { unlessNotFound } from '../not-found.ts';
import { cleanTenant, deleteInvitesOf, deleteRequestOf, isTenantInUse } from './clean.ts';
import { provisionTenant } from './tenant.ts';

export interface ProviderSideDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the leader remembers of one consumer between two looks; lost with the process and found again. */
export interface ProviderSession {
  /** Last value of `status.lastContactAt`, and when it was first seen here (monotonic): clocks of replicas differ. */
  contact: { value: string | undefined; seenAtMs: number };
  provisionedAtMs: number;
}

export function providerSession(): ProviderSession {
  return {
    contact: { value: undefined, seenAtMs: Number.NEGATIVE_INFINITY },
    provisionedAtMs: Number.NEGATIVE_INFINITY,
  };
}

/** Two looks of the consumer, and a little. */
const CONTACT_FRESH_MS = 20_000;
/** While we wait for a consumer to drain, its silence is said at once (PEER-26); it looks every 8 s. */
const SILENT_AT_END_MS = 10_000;
/** Tenant objects that somebody deleted by hand are back within this and one look. */
const PROVISION_EVERY_MS = 30_000;
const ENDING_RECHECK_MS = 500;
const WAITING_RECHECK_MS = 2_000;

/** Looks at the direction in which this cluster lends to `peer`, does what is due, and says how it stands. */
export async function reconcileProvider(
  deps: ProviderSideDeps,
  peer: Peer,
  session: ProviderSession,
  signal: AbortSignal,
): Promise<DirectionReport> {
  const silentMs = silenceOf(deps.clock, peer, session);
  const heard = silentMs < CONTACT_FRESH_MS;
  if (!wants(peer, 'Provide') || peer.status?.consumerReleased === true) return end(deps, peer, silentMs, signal);
  const consumer = peer.metadata.name;
  if (deps.clock.now() - session.provisionedAtMs >= PROVISION_EVERY_MS) {
    try {
      await provisionTenant(deps.client, consumer, signal);
      session.provisionedAtMs = deps.clock.now();
    } catch (error) {
      signal.throwIfAborted();
      deps.log.warn({ peer: consumer, error: String(error) }, 'the tenant of a peer could not be made');
      return {
        ...report(peer, heard, true),
        phase: 'Failed',
        step: 'make the tenant namespace',
        degraded: verdictOf(error, 'True'),
        requeueAfterMs: 5_000,
      };
    }
  }
  return report(peer, heard, true);
}

/** Milliseconds since the consumer last showed its key; infinite where it never has. */
function silenceOf(clock: Clock, peer: Peer, { contact }: ProviderSession): number {
  const value = peer.status?.lastContactAt;
  if (value !== contact.value) {
    // The first value that a new leader sees may be old: by the wall clock it counts only if it is recent.
    const ageMs =
      value === undefined ? Number.POSITIVE_INFINITY : Math.max(0, clock.wall().getTime() - Date.parse(value));
    contact.seenAtMs = clock.now() - (contact.value === undefined ? ageMs : 0);
    contact.value = value;
  }
  return clock.now() - contact.seenAtMs;
}

function report(peer: Peer, heard: boolean, isStanding: boolean): DirectionReport {
  const name = peer.metadata.name;
  const key = shortFingerprint(peer.spec.fingerprint ?? '');
  const waiting = peer.status?.lastContactAt === undefined;
  const seconds = CONTACT_FRESH_MS / 1000;
  const silent = waiting
    ? verdict('Unknown', 'NoContact', `${name} has not shown its key here yet`)
    : verdict('Unknown', 'NoContact', `${name} has not shown its key here within the last ${seconds} s`);
  const authenticated: Verdict = heard ? verdict('True', 'KeyVerified', `the peer showed key ${key}`) : silent;
  const apiReachable: Verdict = heard
    ? verdict('True', 'ConsumerConnected', `${name} reaches this cluster; this side lends and dials nobody`)
    : silent;
  return {
    role: 'Provide',
    stands: isStanding,
    phase: heard ? 'Ready' : waiting ? 'Connecting' : 'Degraded',
    step: heard ? '' : `wait for ${name}`,
    authenticated,
    apiReachable,
    facts: { tenantNamespace: tenantNamespace(name) },
    requeueAfterMs: 10_000,
  };
}

/**
 * The end of lending. After the consumer's goodbye, by force, or where nothing of it is here: take everything away at
 * once. Otherwise tell it (condition Ending on its grants) and wait, because only it can drain its pods.
 */
async function end(
  deps: ProviderSideDeps,
  peer: Peer,
  silentMs: number,
  signal: AbortSignal,
): Promise<DirectionReport> {
  const { client } = deps;
  const name = peer.metadata.name;
  const heard = silentMs < SILENT_AT_END_MS;
  const base = { ...report(peer, silentMs < CONTACT_FRESH_MS, true), phase: 'Ending' as const };
  const released = peer.status?.consumerReleased === true;
  // The goodbye is noted as mark, then role; whoever died in between left the role.
  if (released) await updatePeer(client, name, (stored) => removeRole(stored, 'Provide'), signal);
  if (!released && !isForced(peer)) {
    const grants = await grantsOf(client, name, signal);
    if (grants.length > 0 || (await isTenantInUse(client, name, signal))) {
      await announceEnd(deps, grants, signal);
      const step = heard
        ? `wait until ${name} has drained its pods here`
        : `wait for ${name}, which has not been heard for ${SILENT_AT_END_MS / 1000} s and alone can drain its pods here; this goes on when it is back, \`tombolo unpeer ${name} --force\` does not wait`;
      return {
        ...base,
        step,
        ...(heard ? {} : { degraded: verdict('True', 'NoContact', step) }),
        requeueAfterMs: WAITING_RECHECK_MS,
      };
    }
  }
  const { waitingFor } = await cleanTenant(client, name, signal);
  if (waitingFor.length > 0)
    return { ...base, step: `remove ${waitingFor.join(', ')}`, requeueAfterMs: ENDING_RECHECK_MS };
  await deleteInvitesOf(client, peer.spec.fingerprint, signal);
  await deleteRequestOf(client, peer.spec.fingerprint, signal);
  // Until the status says that nothing stands, the mark keeps the consumer's old key from being served.
  if (released && !stands(peer, 'Provide')) await clearMark(client, name, signal);
  return over(base, peer);
}

async function grantsOf(client: KubeClient, consumer: string, signal: AbortSignal): Promise<Grant[]> {
  const { items } = await client.list<Grant>(GRANT, { namespace: tenantNamespace(consumer) }, { signal });
  return items;
}

async function announceEnd(deps: ProviderSideDeps, grants: readonly Grant[], signal: AbortSignal): Promise<void> {
  for (const { metadata, status } of grants) {
    if (isConditionTrue(status?.conditions, 'Ending')) continue;
    const message = 'the provider ends this peering; drain and remove the virtual node';
    const conditions = setCondition(
      [],
      { type: 'Ending', status: 'True', reason: 'ProviderEnds', message },
      deps.clock.wall(),
    );
    const body = {
      apiVersion: `${GRANT.group}/${GRANT.version}`,
      kind: GRANT.kind,
      metadata: { name: metadata.name, namespace: metadata.namespace ?? '' },
      status: { conditions },
    };
    const options = { fieldManager: 'tombolo-peering', force: true, subresource: 'status', signal };
    // Not found: removed by the consumer at this very moment, as we wanted.
    await deps.client.apply<Grant>(GRANT, body, options).catch(unlessNotFound);
  }
}

async function clearMark(client: KubeClient, name: string, signal: AbortSignal): Promise<void> {
  const body = { status: { consumerReleased: null } };
  await client
    .patch<Peer>(PEER, { name }, body, { type: 'merge', subresource: 'status', signal })
    .catch(unlessNotFound);
}
