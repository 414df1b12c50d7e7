import type { Peer, PeerStatus } from '#pkg/api';
import { isPeeringError } from '../errors.ts';
import { shortFingerprint } from '../identity/fingerprint.ts';
import { type DirectionReport, type Phase, type Verdict, verdict, verdictOf } from '../report.ts';
import { hasChangedIdentity } from './look.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import { type ConsumerSession, FRESH_MS } from './session.ts';
import { unreachableOf } from './unreachable.ts';

/**
 * From here on clocks differ: certificates of Kubernetes begin 5 min before they are made, so a difference of that size refuses
 * what is new, and clocks that are set by NTP differ by less than a second.
 */
const SKEW_SECONDS = 60;

/** What the session's facts mean at the monotonic time `nowMs`: pure, so that every sentence can be tested. */
export function consumerReport(
  peer: Peer,
  credentials: PeerCredentials,
  session: ConsumerSession,
  nowMs: number,
): DirectionReport {
  const api = apiVerdict(credentials, session, nowMs);
  const authenticated = authenticatedVerdict(credentials, session, api);
  const degraded = degradedVerdict(credentials, session, nowMs);
  const ready = authenticated.status === 'True' && api.status === 'True';
  const neverReady = session.api.last === undefined && peer.status?.roles?.includes('Consume') !== true;
  const phase: Phase = ready ? (degraded === undefined ? 'Ready' : 'Degraded') : neverReady ? 'Connecting' : 'Degraded';
  const probe = session.api.last;
  return {
    role: 'Consume',
    stands: true,
    phase,
    step: ready ? '' : 'reach the API server of the peer',
    authenticated,
    apiReachable: api,
    ...(degraded === undefined ? {} : { degraded }),
    facts: {
      nameThere: credentials.origin,
      remoteTenantNamespace: credentials.tenantNamespace,
      apiServer: credentials.server,
      apiPath: credentials.path,
      credentialExpiresAt: credentials.expiresAt.toISOString(),
      ...(probe === undefined
        ? {}
        : { roundTripMilliseconds: probe.roundTripMs, kubernetesVersion: probe.kubernetesVersion }),
      ...versionFacts(session),
      ...(session.api.goodAt === undefined ? {} : { lastVerifiedAt: session.api.goodAt.toISOString() }),
      ...unreachableFacts(credentials, session),
      ...(session.clockOffsetSeconds === undefined ? {} : { clockOffsetSeconds: session.clockOffsetSeconds }),
    },
    requeueAfterMs: Math.max(50, session.nextLookAtMs - nowMs),
  };
}

function unreachableFacts(credentials: PeerCredentials, session: ConsumerSession): Pick<PeerStatus, 'unreachable'> {
  const unreachable = unreachableOf(credentials, session);
  return unreachable.length === 0 ? {} : { unreachable };
}

function versionFacts({ endpoint }: ConsumerSession): { version?: string; clusterName?: string } {
  return endpoint.last === undefined ? {} : { version: endpoint.last.version, clusterName: endpoint.last.clusterName };
}

function apiVerdict(
  credentials: PeerCredentials,
  { api, recovering, endpoint }: ConsumerSession,
  nowMs: number,
): Verdict {
  const path =
    credentials.path === 'Direct'
      ? `at ${credentials.server}`
      : `through the relay at ${credentials.addresses[0] ?? 'the peer'}`;
  const fresh = nowMs - api.goodAtMs < FRESH_MS;
  if (isPeeringError(endpoint.error, 'IdentityChanged'))
    return verdict('False', 'IdentityChanged', 'nothing is sent: the identity of the peer changed');
  // One failed look between good ones is noise; the second in a row is news.
  if (fresh && api.failures < 2) {
    return verdict('True', credentials.path, `the API server answers ${path}`);
  }
  if (api.error === undefined) return verdict('Unknown', 'NotVerified', `the API server was not asked yet ${path}`);
  const shown = verdictOf(api.error);
  const beside = recovering.error === undefined ? '' : `; ${verdictOf(recovering.error).message}`;
  return { ...shown, message: `${path}: ${shown.message}${beside}` };
}

function authenticatedVerdict(credentials: PeerCredentials, session: ConsumerSession, api: Verdict): Verdict {
  const key = shortFingerprint(credentials.fingerprint);
  if (hasChangedIdentity(session)) return verdictOf(session.endpoint.error);
  if (isPeeringError(session.endpoint.error, 'NotPeered')) return verdictOf(session.endpoint.error);
  if (isPeeringError(session.api.error, 'CredentialRefused') && session.api.failures >= 2)
    return verdictOf(session.api.error);
  if (session.endpoint.failures === 0 && session.endpoint.last !== undefined)
    return verdict('True', 'KeyVerified', `the peer showed key ${key}`);
  if (api.status === 'True')
    return verdict(
      'True',
      'CredentialAccepted',
      `the API server accepts the credential that was issued under key ${key}`,
    );
  return verdict('Unknown', 'NotVerified', `key ${key} was not shown within the last ${FRESH_MS / 1000} s`);
}

/** The API server is what work needs; without the peering endpoint only renewals after an absence and unpeer fail. */
function degradedVerdict(credentials: PeerCredentials, session: ConsumerSession, nowMs: number): Verdict | undefined {
  const { endpoint } = session;
  if (endpoint.failures >= 2 && nowMs - endpoint.goodAtMs >= FRESH_MS) {
    const shown = verdictOf(endpoint.error, 'True');
    // What the endpoint itself says (another key, "I do not know you") needs no words of ours around it.
    if (!isPeeringError(endpoint.error, 'PeerUnreachable')) return shown;
    return { ...shown, message: `the peering endpoint does not answer: ${shown.message}` };
  }
  if (session.renewing.error !== undefined) {
    const shown = verdictOf(session.renewing.error, 'True');
    return {
      ...shown,
      message: `the credential ends at ${credentials.expiresAt.toISOString()} and could not be renewed: ${shown.message}`,
    };
  }
  const { clockOffsetSeconds: offset = 0 } = session;
  if (Math.abs(offset) >= SKEW_SECONDS) {
    const side = offset > 0 ? 'ahead of' : 'behind';
    const message = `the clock of the peer is ${Math.abs(offset)} s ${side} ours; set both by NTP`;
    return verdict('True', 'ClockSkew', message);
  }
  return undefined;
}
