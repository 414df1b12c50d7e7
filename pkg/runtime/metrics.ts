import type { Registry } from 'prom-client';
import type { QueueObserver } from './queue-interface.ts';
import type { ReconcileObserver } from './reconciler.ts';

/** Observers for queues and reconcile loops. Names of metrics and labels are those that Kubernetes dashboards know. */
export interface RuntimeMetrics {
  /** For `createQueue({ name, observer })`. @param name label `name`; bounded: one per kind, or per kind and peer */
  queue(name: string): QueueObserver;
  /** For `runReconciler(…, { observer })`. @param name label `controller`; bounded like `name` */
  reconciler(name: string): ReconcileObserver;
}

/** 1 ms to 10 s, as of a request; then up to the time-out of a run. */
const SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];
const RESULTS = ['success', 'requeue', 'error'] as const;

/**
 * Metrics of all queues and loops of a process. The series of a name go when the last queue or loop of that name is
 * closed. Loads the metrics library only when called: a command line needs none.
 */
export async function runtimeMetrics(registry: Registry): Promise<RuntimeMetrics> {
  const { Counter, Gauge, Histogram } = (await import('prom-client')).default; // CommonJS: a bundle loses its named exports
  const ofQueue = { labelNames: ['name'] as const, registers: [registry] };
  const ofLoop = { labelNames: ['controller'] as const, registers: [registry] };

  const depth = new Gauge({ ...ofQueue, name: 'workqueue_depth', help: 'Keys that wait' });
  const adds = new Counter({ ...ofQueue, name: 'workqueue_adds_total', help: 'Keys that were added' });
  const retries = new Counter({ ...ofQueue, name: 'workqueue_retries_total', help: 'Keys added again after an error' });
  const waited = new Histogram({
    ...ofQueue,
    name: 'workqueue_queue_duration_seconds',
    help: 'Time of a key in the queue until it is worked',
    buckets: SECONDS,
  });
  const worked = new Histogram({
    ...ofQueue,
    name: 'workqueue_work_duration_seconds',
    help: 'Time for which a key is worked',
    buckets: SECONDS,
  });
  const runs = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciliations by result',
    labelNames: ['controller', 'result'] as const,
    registers: [registry],
  });
  const errors = new Counter({
    ...ofLoop,
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciliations that ended with an error',
  });
  const took = new Histogram({
    ...ofLoop,
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time of one reconciliation',
    buckets: SECONDS,
  });

  const queues = usersByName((name) => {
    for (const metric of [depth, adds, retries, waited, worked]) metric.remove({ name });
  });
  const loops = usersByName((controller) => {
    for (const result of RESULTS) runs.remove({ controller, result });
    for (const metric of [errors, took]) metric.remove({ controller });
  });
  return {
    queue(name) {
      const closed = queues.join(name);
      depth.set({ name }, 0);
      return {
        added: () => adds.inc({ name }),
        started: (ms) => waited.observe({ name }, ms / 1000),
        finished: (ms) => worked.observe({ name }, ms / 1000),
        retried: () => retries.inc({ name }),
        depth: (now) => depth.set({ name }, now),
        closed,
      };
    },
    reconciler(controller) {
      const closed = loops.join(controller);
      return {
        finished(result, ms) {
          runs.inc({ controller, result });
          if (result === 'error') errors.inc({ controller });
          took.observe({ controller }, ms / 1000);
        },
        closed,
      };
    },
  };
}

/** Counts who uses a name; `leave` (what `join` returns, once) of the last one tells. */
function usersByName(onUnused: (name: string) => void) {
  const users = new Map<string, number>();
  return {
    join(name: string): () => void {
      users.set(name, (users.get(name) ?? 0) + 1);
      return () => {
        const left = (users.get(name) ?? 1) - 1;
        if (left > 0) {
          users.set(name, left);
          return;
        }
        users.delete(name);
        onUnused(name);
      };
    },
  };
}
