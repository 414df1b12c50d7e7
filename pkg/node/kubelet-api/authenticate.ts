import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { KubeClient } from '#pkg/kube';
import { HttpProblem } from './http-problem.ts';

/** Who asks, as authentication.k8s.io says it. */
export interface User {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A token that was deleted is still taken for this long, as in the API server itself. */
const TOKEN_TTL_MS = 10_000;
/** Bounds the memory that callers with ever new tokens can take. */
const MAX_TOKENS = 1_000;
const REVIEW_TIMEOUT_MS = 8_000;

/** Says whose request it is; undefined for nobody. @throws HttpProblem 500 where the home API cannot be asked */
export type Authenticate = (request: IncomingMessage, signal: AbortSignal) => Promise<User | undefined>;

/**
 * A client certificate of the cluster's client CA, or else a bearer token by TokenReview at home. There is no
 * anonymous user. Only good answers are remembered, under a hash of the token.
 */
export function authenticator(client: KubeClient): Authenticate {
  const known = new LRUCache<string, User>({ max: MAX_TOKENS, ttl: TOKEN_TTL_MS });
  return async (request, signal) => {
    const user = userOfCertificate(request.socket as TLSSocket);
    if (user !== undefined) return user;
    const token = bearerToken(request);
    if (token === undefined) return undefined;
    const key = createHash('sha256').update(token).digest('base64');
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const reviewed = await reviewToken(client, token, signal);
    if (reviewed !== undefined) known.set(key, reviewed);
    return reviewed;
  };
}

/**
 * `authorized` is OpenSSL's verdict against the client CA, with dates and the purpose "client authentication". The
 * user is the common name and the groups are the organisations, as in the API server.
 */
function userOfCertificate(socket: TLSSocket): User | undefined {
  if (!socket.authorized) return undefined;
  const subject = socket.getPeerCertificate().subject as Record<string, string | string[] | undefined> | undefined;
  const name = subject?.['CN'];
  // Two common names: which of them it is would be a guess.
  if (typeof name !== 'string' || name === '') return undefined;
  const organisations = subject?.['O'] ?? [];
  const groups = Array.isArray(organisations) ? organisations : [organisations];
  return { username: name, groups: [...groups, 'system:authenticated'] };
}

function bearerToken(request: IncomingMessage): string | undefined {
  const match = /^bearer +(\S+)$/i.exec(request.headers.authorization?.trim() ?? '');
  return match?.[1];
}

async function reviewToken(client: KubeClient, token: string, signal: AbortSignal): Promise<User | undefined> {
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    metadata: {},
    spec: { token },
  };
  const answer = await client
    .request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body, signal, timeoutMs: REVIEW_TIMEOUT_MS })
    .catch((cause: unknown) => {
      throw new HttpProblem(500, 'cannot check the token: the API server of this cluster does not answer', { cause });
    });
  if (answer.status >= 300) {
    throw new HttpProblem(500, `cannot check the token: the API server of this cluster answers HTTP ${answer.status}`);
  }
  const { status } = JSON.parse(answer.body.toString('utf8')) as {
    status?: { authenticated?: boolean; user?: Partial<User> };
  };
  if (status?.authenticated !== true || status.user?.username === undefined) return undefined;
  return { ...status.user, username: status.user.username };
}
