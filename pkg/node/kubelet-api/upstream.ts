import { KubeError } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { NodeError } from '../errors.ts';
import type { PeerCluster, PodSource } from '../peer-cluster.ts';
import { HttpProblem } from './http-problem.ts';

/** How long a provider may be silent before a caller is told so; POD-69 allows 10 s in all. */
const ANSWER_MS = 8_000;

/** Where the pods of the node really run. */
export interface Upstream {
  readonly peer: PeerCluster;
  readonly pods: PodSource;
  /** Whether the provider counts as ready, the sentence that says why not, and when it answered last (monotonic). */
  readonly health: { readonly isReady: boolean; readonly message: string; readonly answeredAtMs: number | undefined };
  readonly clock: Clock;
}

/**
 * The remote pod of a home pod.
 * @param pod `namespace/name` at home
 * @throws HttpProblem 404 where the pod is not on this node, 400 where it does not run at the provider (yet)
 */
export function remotePod(upstream: Upstream, pod: string): { namespace: string; name: string } {
  if (upstream.pods.get(pod) === undefined) throw new HttpProblem(404, `pod ${pod} is not on this node`);
  const remote = upstream.pods.remote(pod);
  if (remote === undefined) throw new HttpProblem(400, `pod ${pod} does not run at peer ${upstream.peer.peer} yet`);
  return remote;
}

/**
 * The answer of the provider, or an error within 10 s that names the peer (POD-69). A server that answers our probes
 * may take its time: following the log of a silent container sends nothing, not even headers, for hours.
 * @param ask gets a signal that ends the attempt
 * @throws HttpProblem 500 that names the peer: of other statuses the API server hides the sentence from kubectl
 */
export async function answerOf<T>(
  upstream: Upstream,
  what: string,
  ask: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { health, clock } = upstream;
  if (!health.isReady) throw unreachable(upstream, what, health.message);
  const attempt = new AbortController();
  const answered = new AbortController();
  const watchdog = (async () => {
    for (;;) {
      const startedAtMs = clock.now();
      await clock.sleep(ANSWER_MS, answered.signal);
      if ((health.answeredAtMs ?? Number.NEGATIVE_INFINITY) < startedAtMs) {
        throw unreachable(
          upstream,
          what,
          `${upstream.peer.cluster.server} gave no answer within ${ANSWER_MS / 1000} s`,
        );
      }
    }
  })();
  try {
    return await Promise.race([ask(AbortSignal.any([signal, attempt.signal])), watchdog]);
  } catch (error) {
    attempt.abort();
    if (error instanceof HttpProblem || signal.aborted) throw error;
    throw unreachable(upstream, what, whyOf(error), error);
  } finally {
    answered.abort();
    watchdog.catch(() => undefined); // ends by the abort, or was thrown above
  }
}

function whyOf(error: unknown): string {
  if (error instanceof KubeError) return error.why;
  return error instanceof Error ? error.message : String(error);
}

function unreachable({ peer }: Upstream, what: string, why: string, cause?: unknown): HttpProblem {
  const facts = { attempted: what, where: `peer ${peer.peer}`, why };
  return new HttpProblem(500, new NodeError('ProviderUnreachable', facts).message, { cause });
}
