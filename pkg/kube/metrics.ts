import type { Registry } from 'prom-client';

/** What the client counts. Labels: cluster, and values of small fixed sets. */
export interface KubeMetrics {
  /** A request got an answer. For watches the time runs to the head of the answer. */
  answered(cluster: string, verb: string, status: number, seconds: number): void;
  /** A request got none; `cause` is the code of the connection's error. */
  unanswered(cluster: string, verb: string, cause: string): void;
  /** A watch or list of an informer ended with an error. */
  watchFailed(cluster: string, kind: string, cause: string): void;
  /** A cluster that is gone leaves no series behind. */
  forget(cluster: string): void;
}

/** Metrics on prom-client. Loads the library only when asked for: a command line needs none. */
export async function kubeMetrics(registry: Registry): Promise<KubeMetrics> {
  const { Counter, Histogram } = (await import('prom-client')).default; // CommonJS: named exports are lost in a bundle
  const requests = new Histogram({
    name: 'tombolo_kube_request_seconds',
    help: 'Time until the head of the answer of an API server',
    labelNames: ['cluster', 'verb', 'code'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const unanswered = new Counter({
    name: 'tombolo_kube_requests_unanswered_total',
    help: 'Requests that got no answer',
    labelNames: ['cluster', 'verb', 'cause'],
    registers: [registry],
  });
  const watchErrors = new Counter({
    name: 'tombolo_kube_watch_errors_total',
    help: 'Watches and lists of informers that ended with an error',
    labelNames: ['cluster', 'kind', 'cause'],
    registers: [registry],
  });
  // prom-client removes a series by its whole label set, so the sets of a cluster are remembered; they are few.
  const series = new Map<string, Map<string, () => void>>();
  const remember = (cluster: string, key: string, remove: () => void) => {
    let known = series.get(cluster);
    if (known === undefined) series.set(cluster, (known = new Map()));
    if (!known.has(key)) known.set(key, remove);
  };
  return {
    answered(cluster, verb, status, seconds) {
      const labels = { cluster, verb, code: String(status) };
      requests.observe(labels, seconds);
      remember(cluster, `r ${verb} ${status}`, () => requests.remove(labels));
    },
    unanswered(cluster, verb, cause) {
      const labels = { cluster, verb, cause };
      unanswered.inc(labels);
      remember(cluster, `u ${verb} ${cause}`, () => unanswered.remove(labels));
    },
    watchFailed(cluster, kind, cause) {
      const labels = { cluster, kind, cause };
      watchErrors.inc(labels);
      remember(cluster, `w ${kind} ${cause}`, () => watchErrors.remove(labels));
    },
    forget(cluster) {
      for (const remove of series.get(cluster)?.values() ?? []) remove();
      series.delete(cluster);
    },
  };
}
