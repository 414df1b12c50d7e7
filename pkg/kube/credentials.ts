import { readFile } from 'node:fs/promises';
import { type Clock, systemClock } from '#pkg/runtime';

/** A client certificate in PEM, and its key. */
export interface ClientCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Acts as somebody else; the account needs the verb `impersonate`. */
export interface Impersonation {
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A program or library that hands out credentials (exec plugin, auth provider). */
export interface CredentialPlugin {
  /** Fresh headers, and a client certificate where the plugin works by one. */
  obtain(signal: AbortSignal): Promise<PluginCredentials>;
  /** What was handed out is refused: the next `obtain` must not answer from a cache. */
  forget(): void;
}

export interface PluginCredentials {
  /** Header names in lower case. */
  readonly headers: Record<string, string>;
  readonly clientCert?: ClientCertificate;
}

/** How we prove who we are. At most one of `token`, `tokenFile`, `plugin`; a certificate may come beside them. */
export interface ClusterAuth {
  /** Bearer token; replaced by `Cluster.setToken`. */
  readonly token?: string;
  /** File with a bearer token; read again every minute and after a 401 (bound tokens rotate). */
  readonly tokenFile?: string;
  readonly clientCert?: ClientCertificate;
  readonly plugin?: CredentialPlugin;
  readonly impersonate?: Impersonation;
}

export interface Identity {
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly clientCert: ClientCertificate | undefined;
}

/** The identity of the moment. Belongs to one cluster: nothing is cached by user or context name (T24). */
export interface Credentials {
  /** @throws whatever reading the file or running the plugin throws */
  current(signal: AbortSignal): Promise<Identity>;
  /** Called after a 401. True where there is now something else to try than `refused`, which failed. */
  renew(refused: Identity, signal: AbortSignal): Promise<boolean>;
  /** A new bearer token takes the place of whatever was used before. */
  setToken(token: string): void;
}

/** Bound tokens are renewed by the kubelet at 80 % of at least ten minutes: a minute is early enough. */
const FILE_MAX_AGE_MS = 60_000;

/** Builds the credentials of one cluster. Throws TypeError where two sources contradict each other. */
export function createCredentials(auth: ClusterAuth, clock: Clock = systemClock): Credentials {
  const named = (['token', 'tokenFile', 'plugin'] as const).filter((source) => auth[source] !== undefined);
  if (named.length > 1) throw new TypeError(`credentials name both ${named.join(' and ')}`);

  const impersonation = impersonationHeaders(auth.impersonate);
  let source: Source = fixedToken(auth.token);
  if (auth.tokenFile !== undefined) source = tokenFromFile(auth.tokenFile, clock);
  const plugin = auth.plugin;
  // A plugin caches by expiry itself: asking it is cheap while its token lives.
  if (plugin !== undefined) source = { read: (signal) => plugin.obtain(signal), forget: () => plugin.forget() };

  return {
    async current(signal) {
      const { headers, clientCert } = await source.read(signal);
      return { headers: { ...headers, ...impersonation }, clientCert: clientCert ?? auth.clientCert };
    },
    async renew(refused, signal) {
      source.forget();
      const { headers, clientCert } = await source.read(signal);
      return (
        headers['authorization'] !== refused.headers['authorization'] ||
        (clientCert ?? auth.clientCert)?.certPem !== refused.clientCert?.certPem
      );
    },
    setToken(token) {
      source = fixedToken(token);
    },
  };
}

interface Source {
  read(signal: AbortSignal): Promise<PluginCredentials>;
  /** The next read asks the origin again. */
  forget(): void;
}

function fixedToken(token: string | undefined): Source {
  const credentials = { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
  return { read: () => Promise.resolve(credentials), forget: () => {} };
}

function tokenFromFile(path: string, clock: Clock): Source {
  let cached: { credentials: PluginCredentials; readAt: number } | undefined;
  return {
    async read(signal) {
      if (cached === undefined || clock.now() - cached.readAt >= FILE_MAX_AGE_MS) {
        const token = (await readFile(path, { encoding: 'utf8', signal })).trim();
        cached = { credentials: { headers: { authorization: `Bearer ${token}` } }, readAt: clock.now() };
      }
      return cached.credentials;
    },
    forget() {
      cached = undefined;
    },
  };
}

function impersonationHeaders(as: Impersonation | undefined): Record<string, string | string[]> {
  if (as === undefined) return {};
  const headers: Record<string, string | string[]> = { 'impersonate-user': as.user };
  if (as.uid !== undefined) headers['impersonate-uid'] = as.uid;
  if (as.groups !== undefined && as.groups.length > 0) headers['impersonate-group'] = [...as.groups];
  for (const [key, values] of Object.entries(as.extra ?? {})) {
    headers[`impersonate-extra-${encodeURIComponent(key).toLowerCase()}`] = [...values];
  }
  return headers;
}
