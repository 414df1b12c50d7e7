import { LABEL, SYSTEM_NAMESPACE } from '#pkg/api';
import type { Secret } from '#pkg/kube';
import { type Fingerprint, parseFingerprint } from '../identity/fingerprint.ts';
import { RELAY_TARGET } from '../wire.ts';

/** How a consumer reaches the API server of a provider. */
export type ApiPath = 'Direct' | 'Relay';

/** What a consumer holds for one provider: the content of Secret `tombolo-peer-<peer>`. */
export interface PeerCredentials {
  readonly peer: string;
  /** What the provider calls us. */
  readonly origin: string;
  readonly tenantNamespace: string;
  readonly path: ApiPath;
  /** `https://host:port` that is used with path Direct. */
  readonly server: string;
  /** All that the provider announced, `server` among them. */
  readonly servers: readonly string[];
  readonly relayAllowed: boolean;
  readonly caPem: string;
  readonly token: string;
  /** By our own clock. */
  readonly expiresAt: Date;
  readonly lifetimeSeconds: number;
  /** `host:port` of the peering endpoint. */
  readonly addresses: readonly string[];
  readonly fingerprint: Fingerprint;
  /** True while the peering endpoint shows another key: nothing is sent to that peer (PEER-15). */
  readonly suspended: boolean;
}

const PREFIX = 'tombolo-peer-';
const REDEEM_PREFIX = 'tombolo-redeem-';

/** Selects the Secrets that this package keeps per peer, for an informer in the system namespace. */
export const PEER_SECRETS_SELECTOR = LABEL.peer;

export const credentialsSecretName = (peer: string): string => PREFIX + peer;
/** Holds the invite's token until it is redeemed, under the key `token`. */
export const redeemSecretName = (peer: string): string => REDEEM_PREFIX + peer;

/** The peer of a credentials Secret; `undefined` for any other Secret. */
export function peerOfCredentials(secret: Secret): string | undefined {
  const peer = secret.metadata.labels?.[LABEL.peer];
  return peer !== undefined && secret.metadata.name === credentialsSecretName(peer) ? peer : undefined;
}

/** As stored. */
export function secretOfCredentials(credentials: PeerCredentials): Secret {
  const { peer } = credentials;
  const data = {
    server: credentials.server,
    servers: JSON.stringify(credentials.servers),
    'ca.crt': credentials.caPem,
    token: credentials.token,
    expiresAt: credentials.expiresAt.toISOString(),
    lifetimeSeconds: String(credentials.lifetimeSeconds),
    tenantNamespace: credentials.tenantNamespace,
    origin: credentials.origin,
    relay: String(credentials.path === 'Relay'),
    relayAllowed: String(credentials.relayAllowed),
    addresses: JSON.stringify(credentials.addresses),
    fingerprint: credentials.fingerprint,
    suspended: String(credentials.suspended),
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: credentialsSecretName(peer),
      namespace: SYSTEM_NAMESPACE,
      labels: { [LABEL.peer]: peer, [LABEL.component]: 'peer-credentials' },
    },
    type: 'Opaque',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  };
}

/** `undefined` where the Secret is none of ours, or somebody broke it: then new credentials are asked for. */
export function credentialsOfSecret(secret: Secret | undefined): PeerCredentials | undefined {
  const peer = secret === undefined ? undefined : peerOfCredentials(secret);
  if (secret === undefined || peer === undefined) return undefined;
  const read = (key: string): string => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
  const fingerprint = parseFingerprint(read('fingerprint'));
  const expiresAt = new Date(read('expiresAt'));
  const addresses = stringsOf(read('addresses'));
  const servers = stringsOf(read('servers'));
  const complete = ['server', 'ca.crt', 'token', 'tenantNamespace', 'origin'].every((key) => read(key) !== '');
  if (!complete || fingerprint === undefined || addresses === undefined || Number.isNaN(expiresAt.getTime()))
    return undefined;
  return {
    peer,
    origin: read('origin'),
    tenantNamespace: read('tenantNamespace'),
    path: read('relay') === 'true' ? 'Relay' : 'Direct',
    server: read('server'),
    servers: servers ?? [],
    relayAllowed: read('relayAllowed') !== 'false',
    caPem: read('ca.crt'),
    token: read('token'),
    expiresAt,
    lifetimeSeconds: Number(read('lifetimeSeconds')) || 3600,
    addresses,
    fingerprint,
    suspended: read('suspended') === 'true',
  };
}

/** The server that stands in the Secret where the provider announces none: the relay's target. */
export const RELAY_ONLY_SERVER = `https://${RELAY_TARGET}`;

function stringsOf(json: string): string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    return Array.isArray(parsed) ? parsed.filter((entry) => typeof entry === 'string') : undefined;
  } catch {
    return undefined; // edited by hand into something else: the caller asks for new ones
  }
}
