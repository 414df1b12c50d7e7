import { LRUCache } from 'lru-cache';
import type { KubeClient } from '#pkg/kube';
import type { User } from './authenticate.ts';
import { HttpProblem } from './http-problem.ts';

/** Rights that are taken away are gone after this long; rights that are given count at once. */
const ALLOWED_TTL_MS = 10_000;
const MAX_DECISIONS = 1_000;
const REVIEW_TIMEOUT_MS = 8_000;

/** What a request needs: any one of the subresources of the node, with that verb. */
export interface Access {
  readonly verb: string;
  readonly subresources: readonly string[];
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/**
 * The right that a path needs, as the kubelet maps them (with its fine-grained subresources, KEP-2862). Streams need
 * `create` also when they come as GET: a WebSocket upgrade is one, and reading is not executing (KEP-4006).
 */
export function accessOf(method: string, path: string): Access {
  const under = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
  const verb = VERBS[method] ?? method.toLowerCase();
  if (['/exec', '/attach', '/portForward', '/run'].some(under)) return { verb: 'create', subresources: ['proxy'] };
  if (under('/stats')) return { verb, subresources: ['stats'] };
  if (under('/metrics')) return { verb, subresources: ['metrics'] };
  if (under('/logs')) return { verb, subresources: ['log'] };
  if (under('/pods') || under('/runningpods')) return { verb, subresources: ['pods', 'proxy'] };
  if (under('/healthz')) return { verb, subresources: ['healthz', 'proxy'] };
  return { verb, subresources: ['proxy'] };
}

/** Whether `user` has the right. @throws HttpProblem 500 where the home API cannot be asked */
export type Authorize = (user: User, access: Access, signal: AbortSignal) => Promise<boolean>;

/** SubjectAccessReview at home on subresources of the Node. Only "allowed" is remembered. */
export function authorizer(client: KubeClient, nodeName: string): Authorize {
  const allowed = new LRUCache<string, true>({ max: MAX_DECISIONS, ttl: ALLOWED_TTL_MS });
  return async (user, { verb, subresources }, signal) => {
    for (const subresource of subresources) {
      const key = JSON.stringify([user, verb, subresource]);
      if (allowed.has(key)) return true;
      const attributes = { verb, version: 'v1', group: '', resource: 'nodes', subresource, name: nodeName };
      if (await review(client, user, attributes, signal)) {
        allowed.set(key, true);
        return true;
      }
    }
    return false;
  };
}

async function review(client: KubeClient, user: User, attributes: object, signal: AbortSignal): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      resourceAttributes: attributes,
      user: user.username,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      ...(user.groups === undefined ? {} : { groups: user.groups }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
    },
  };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const answer = await client
    .request('POST', path, { body, signal, timeoutMs: REVIEW_TIMEOUT_MS })
    .catch((cause: unknown) => {
      throw new HttpProblem(500, 'cannot check the rights: the API server of this cluster does not answer', { cause });
    });
  if (answer.status >= 300) {
    throw new HttpProblem(500, `cannot check the rights: the API server of this cluster answers HTTP ${answer.status}`);
  }
  const { status } = JSON.parse(answer.body.toString('utf8')) as { status?: { allowed?: boolean } };
  return status?.allowed === true;
}
