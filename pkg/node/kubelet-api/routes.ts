import { HttpProblem } from './http-problem.ts';

export type StreamKind = 'exec' | 'attach' | 'portForward';

/** What a request to the kubelet endpoint asks for. */
export type Route =
  | { readonly kind: 'healthz' | 'pods' | 'runningpods' | 'statsSummary' | 'resourceMetrics' | 'unknown' }
  | { readonly kind: 'logs'; readonly pod: string; readonly container: string }
  | { readonly kind: StreamKind; readonly pod: string; readonly container: string | undefined };

const FIXED = {
  '/healthz': 'healthz',
  '/pods': 'pods',
  '/runningpods': 'runningpods',
  '/stats/summary': 'statsSummary',
  '/metrics/resource': 'resourceMetrics',
} as const;

/** DNS subdomain: every name of a namespace, pod and container is one, and nothing that walks paths is. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * The route of a path, as the kubelet names them. `pod` is `namespace/name` at home.
 * @throws HttpProblem 400 for a path that is malformed
 */
export function routeOf(path: string): Route {
  const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  if (trimmed in FIXED) return { kind: FIXED[trimmed as keyof typeof FIXED] };
  const [first = '', ...rest] = trimmed.slice(1).split('/').map(decode);
  switch (first) {
    case 'containerLogs': {
      const { pod, container } = podAndContainer(rest, false);
      return { kind: 'logs', pod, container };
    }
    case 'exec':
    case 'attach': {
      const { pod, container } = podAndContainer(rest, true);
      return { kind: first, pod, container };
    }
    case 'portForward':
      return { kind: first, pod: podOf(rest), container: undefined };
    default:
      return { kind: 'unknown' };
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new HttpProblem(400, `malformed path segment ${JSON.stringify(segment)}`, { cause });
  }
}

/** `{namespace}/{pod}/{container}`, and with the pod's UID before the container for streams. */
function podAndContainer(segments: readonly string[], mayHaveUid: boolean): { pod: string; container: string } {
  const isLong = mayHaveUid && segments.length === 4;
  if (segments.length !== 3 && !isLong) {
    throw new HttpProblem(400, 'the path needs a namespace, a pod and a container');
  }
  const container = segments.at(-1) ?? '';
  return { pod: podName(segments), container: checked(container, 'container') };
}

/** `{namespace}/{pod}` or `{namespace}/{pod}/{uid}`. */
function podOf(segments: readonly string[]): string {
  if (segments.length !== 2 && segments.length !== 3)
    throw new HttpProblem(400, 'the path needs a namespace and a pod');
  return podName(segments);
}

function podName([namespace = '', name = '']: readonly string[]): string {
  return `${checked(namespace, 'namespace')}/${checked(name, 'pod')}`;
}

function checked(name: string, what: string): string {
  if (!NAME.test(name)) throw new HttpProblem(400, `${JSON.stringify(name.slice(0, 253))} is no name of a ${what}`);
  return name;
}
