/**
 * What every process of ours stands on: clock, back-off, queue, reconcile loop, leader lease, task groups, subprocesses,
 * coded errors.
 *
 * Knows no Kubernetes: keys are strings, a lease is kept wherever a `LeaseStore` keeps it. Starts nothing by itself and
 * holds nothing process-wide.
 */
export { type Backoff, decorrelatedJitter, type JitterOptions } from './backoff.ts';
export { type Clock, type FakeClock, fakeClock, systemClock } from './clock.ts';
export { CodedError, type ErrorFacts, type ErrorRule, isCodedError, messageOf } from './coded-error.ts';
export { type KeyedTaskOptions, type KeyedTasks, keyedTasks } from './keyed-tasks.ts';
export { type LeaderOptions, runLeader } from './leader.ts';
export type { LeaseRecord, LeaseStore } from './lease-store.ts';
export { errorFields, type Log, silentLog } from './log.ts';
export { type LevelLoop, type LevelLoopOptions, levelLoop } from './level-loop.ts';
export { type LoopLag, loopLag } from './loop-lag.ts';
export { main } from './main.ts';
export { mapLimit } from './map-limit.ts';
export { type RuntimeMetrics, runtimeMetrics } from './metrics.ts';
export { pokeSoon } from './poke-soon.ts';
export { type ProcessFlagOptions, processFlags } from './process-flags.ts';
export { createQueue } from './queue.ts';
export type { Priority, Queue, QueueObserver, QueueOptions } from './queue-interface.ts';
export {
  done,
  type ReconcileLoopOptions,
  type ReconcileObserver,
  type Reconciler,
  type ReconcileResult,
  requeueAfter,
  runReconciler,
} from './reconciler.ts';
export { rendezvous } from './rendezvous.ts';
export {
  CommandError,
  type CommandFailure,
  type CommandOptions,
  type CommandResult,
  runCommand,
} from './run-command.ts';
export { TaskGroup } from './task-group.ts';
