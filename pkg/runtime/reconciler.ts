import { CodedError, messageOf } from './coded-error.ts';
import type { Log } from './log.ts';
import type { Queue } from './queue-interface.ts';

export interface ReconcileResult {
  /** Look again after this long although nothing was seen to change. */
  readonly requeueAfterMs?: number;
}

export const done: ReconcileResult = {};

export function requeueAfter(ms: number): ReconcileResult {
  return { requeueAfterMs: ms };
}

/** Level-triggered: the key says where to look, the caches say what is. Safe to run any number of times. */
export interface Reconciler {
  readonly name: string;
  reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult>;
}

export interface ReconcileLoopOptions {
  readonly queue: Queue;
  /** Keys worked at once; default 1. */
  readonly workers?: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Aborts one run that takes longer; default 60 s. */
  readonly timeoutMs?: number;
  readonly observer?: { finished(result: 'success' | 'error' | 'requeue', tookMs: number): void };
}

/**
 * Works the queue until the signal aborts, then resolves when every worker has ended. A thrown error is logged and tried
 * again with back-off; one that says `retryable: false` waits for the next change of its object instead.
 */
export async function runReconciler(reconciler: Reconciler, options: ReconcileLoopOptions): Promise<void> {
  const { queue, workers = 1, signal } = options;
  await Promise.all(Array.from({ length: workers }, () => work(reconciler, queue, signal, options)));
}

async function work(
  reconciler: Reconciler,
  queue: Queue,
  signal: AbortSignal,
  options: ReconcileLoopOptions,
): Promise<void> {
  for (;;) {
    let key: string;
    try {
      key = await queue.take(signal);
    } catch {
      return; // take() rejects only when the signal aborts
    }
    await runOnce(reconciler, key, options);
    queue.done(key);
  }
}

async function runOnce(reconciler: Reconciler, key: string, options: ReconcileLoopOptions): Promise<void> {
  const { queue, signal, log, timeoutMs = 60_000, observer } = options;
  const started = performance.now();
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const { requeueAfterMs } = await reconciler.reconcile(key, deadline);
    queue.forget(key);
    if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
    observer?.finished(requeueAfterMs === undefined ? 'success' : 'requeue', performance.now() - started);
  } catch (error) {
    if (signal.aborted) return;
    const retryable = !(error instanceof CodedError) || error.retryable;
    log.warn({ reconciler: reconciler.name, key, error: messageOf(error), retryable }, 'reconcile failed');
    if (retryable) queue.addRateLimited(key);
    else queue.forget(key);
    observer?.finished('error', performance.now() - started);
  }
}
