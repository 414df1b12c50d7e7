import {
  createQueue,
  type Log,
  type Queue,
  type Reconciler,
  type RuntimeMetrics,
  runReconciler,
  type TaskGroup,
} from '#pkg/runtime';

/** Queues and the reconcilers that work them, in one task group. */
export interface Loops {
  /** A queue that is closed with the group's stack. */
  queue(name: string): Queue;
  run(reconciler: Reconciler, queue: Queue, workers?: number): void;
}

export function loopsIn(group: TaskGroup, stack: AsyncDisposableStack, log: Log, metrics: RuntimeMetrics): Loops {
  return {
    queue: (name) => stack.use(createQueue({ name, observer: metrics.queue(name) })),
    run(reconciler, queue, workers = 1) {
      const { name } = reconciler;
      group.start(name, (signal) =>
        runReconciler(reconciler, {
          queue,
          workers,
          signal,
          log: log.child({ reconciler: name }),
          observer: metrics.reconciler(name),
        }),
      );
    },
  };
}

/** What the parts of the leader's work are started in. */
export interface Leading {
  readonly group: TaskGroup;
  readonly loops: Loops;
  /** Disposed after the group has stopped. */
  readonly stack: AsyncDisposableStack;
}
