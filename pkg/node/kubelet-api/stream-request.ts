import type { StreamKind } from './routes.ts';

/** Query flags of the kubelet and of the pod subresource. */
const FLAGS = [
  ['input', 'stdin'],
  ['output', 'stdout'],
  ['error', 'stderr'],
  ['tty', 'tty'],
] as const;

/**
 * Path and query at the provider for a stream asked of the kubelet endpoint. Names differ: the kubelet says
 * `input=1`, the API says `stdin=true`; the container is a parameter there; ports of a WebSocket forward are `ports`.
 */
export function upstreamPath(
  kind: StreamKind,
  remote: { namespace: string; name: string },
  container: string | undefined,
  query: URLSearchParams,
): string {
  const pod = `/api/v1/namespaces/${remote.namespace}/pods/${remote.name}`;
  const result = new URLSearchParams();
  if (kind === 'portForward') {
    for (const port of query.getAll('port')) result.append('ports', port);
    return `${pod}/portforward${result.size === 0 ? '' : `?${result}`}`;
  }
  if (container !== undefined) result.set('container', container);
  for (const [ours, theirs] of FLAGS) {
    const value = query.get(ours);
    if (value === '1' || value === 'true') result.set(theirs, 'true');
    // Absent means false there for stdin and tty, but true for stdout and stderr.
    else result.set(theirs, 'false');
  }
  if (kind === 'exec') for (const part of query.getAll('command')) result.append('command', part);
  return `${pod}/${kind}?${result}`;
}

/**
 * Never passed on: they name this end, would add a second identity beside ours, or let the caller act as somebody
 * else at the provider with our credential.
 */
const DROPPED = new Set([
  'host',
  'authorization',
  'proxy-authorization',
  'cookie',
  'forwarded',
  'via',
  'transfer-encoding',
  'content-length',
]);
const DROPPED_PREFIXES = ['impersonate-', 'x-forwarded-', 'x-remote-'];
/** A token can hide among the subprotocols of a WebSocket. */
const TOKEN_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/**
 * Headers for the provider as a flat list of names and values: those of the caller in their order and spelling, because
 * the stream protocols are negotiated in them, and ours.
 * @param raw `rawHeaders` of the request
 * @param own headers that authenticate at the provider
 */
export function upstreamHeaders(
  raw: readonly string[],
  own: Readonly<Record<string, string>>,
  options: { host: string; method: string },
): string[] {
  const result = ['Host', options.host];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const lower = name.toLowerCase();
    if (DROPPED.has(lower) || DROPPED_PREFIXES.some((prefix) => lower.startsWith(prefix))) continue;
    if (lower !== 'sec-websocket-protocol') result.push(name, value);
    else result.push(name, withoutTokens(value));
  }
  for (const [name, value] of Object.entries(own)) result.push(name, value);
  // The head ends the request: what follows belongs to the stream.
  if (options.method !== 'GET') result.push('Content-Length', '0');
  return result;
}

function withoutTokens(protocols: string): string {
  return protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => !protocol.startsWith(TOKEN_PROTOCOL))
    .join(', ');
}
