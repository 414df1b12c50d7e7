import { createBreather } from './breather.ts';
import { type Clock, systemClock } from './clock.ts';
import { isCodedError } from './coded-error.ts';
import { LinkedAbort } from './linked-abort.ts';
import { errorFields, type Log } from './log.ts';
import type { Queue } from './queue-interface.ts';

export interface ReconcileResult {
  /** Look again after this long although nothing was seen to change; at least 5 ms. */
  readonly requeueAfterMs?: number;
}

export const done: ReconcileResult = {};

export function requeueAfter(ms: number): ReconcileResult {
  return { requeueAfterMs: ms };
}

/** Level-triggered: the key says where to look, the caches say what is. Safe to run any number of times. */
export interface Reconciler {
  readonly name: string;
  /** Ends soon after `signal` aborts. What it throws is logged by the loop, so it logs nothing of that itself. */
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult>;
}

/** What a loop tells a metric registry; `runtimeMetrics` makes one. */
export interface ReconcileObserver {
  finished(result: 'success' | 'error' | 'requeue', tookMs: number): void;
  /** The loop has ended. */
  closed?(): void;
}

export interface ReconcileLoopOptions {
  readonly queue: Queue;
  /** Keys worked at once; default 1. */
  readonly workers?: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock?: Clock;
  /** Aborts one run that takes longer; default 60 s. */
  readonly timeoutMs?: number;
  readonly observer?: ReconcileObserver;
}

/** A result that is always in the past must not become a loop without a pause. */
const MIN_REQUEUE_MS = 5;

/**
 * Works the queue until the signal aborts, then resolves when every worker has ended. A thrown error is logged and tried
 * again with back-off; a CodedError that is not retryable waits for the next change of its object instead.
 */
export async function runReconciler(reconciler: Reconciler, options: ReconcileLoopOptions): Promise<void> {
  const { queue, workers = 1, signal, observer } = options;
  const breathe = createBreather();
  const work = async () => {
    for (;;) {
      await breathe();
      let key: string;
      try {
        key = await queue.take(signal);
      } catch {
        return; // take() rejects only when the signal aborts
      }
      await runOnce(reconciler, key, options);
      queue.done(key);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  observer?.closed?.();
}

async function runOnce(reconciler: Reconciler, key: string, options: ReconcileLoopOptions): Promise<void> {
  const { queue, signal, log, clock = systemClock, observer } = options;
  const started = clock.now();
  using run = new LinkedAbort(signal);
  using _deadline = deadline(reconciler, key, run, options);
  try {
    const { requeueAfterMs } = await reconciler.reconcile(key, run.signal);
    if (requeueAfterMs !== undefined) queue.addAfter(key, Math.max(MIN_REQUEUE_MS, requeueAfterMs));
    queue.forget(key);
    observer?.finished(requeueAfterMs === undefined ? 'success' : 'requeue', clock.now() - started);
  } catch (error) {
    if (signal.aborted) return;
    const retryable = !isCodedError(error) || error.retryable;
    log.warn({ reconciler: reconciler.name, key, retryable, ...errorFields(error) }, 'reconcile failed');
    if (retryable) queue.addRateLimited(key);
    else queue.forget(key);
    observer?.finished('error', clock.now() - started);
  }
}

/**
 * Aborts a run after its time. A key is never worked twice at once, so one that goes on nevertheless blocks its key: that
 * is a defect, and said once.
 */
function deadline(reconciler: Reconciler, key: string, run: LinkedAbort, options: ReconcileLoopOptions): Disposable {
  const { clock = systemClock, timeoutMs = 60_000, log } = options;
  let timer = clock.timer(() => {
    run.abort(new Error(`no end within ${timeoutMs / 1000} s`));
    timer = clock.timer(() => {
      log.error({ reconciler: reconciler.name, key }, 'reconcile ignores its time-out; its key waits until it ends');
    }, timeoutMs);
  }, timeoutMs);
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
