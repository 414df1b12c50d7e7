import type { Clock } from './clock.ts';
import { LinkedAbort } from './linked-abort.ts';

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly ms: number;
  /** Beginning of the error's message: `<overdue> within <ms> ms`. */
  readonly overdue: string;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` with a signal that aborts after `ms`, and rejects then even where `work` does not listen. What `work` does
 * after that reaches nobody.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { clock, ms, overdue, signal }: DeadlineOptions,
): Promise<T> {
  using run = new LinkedAbort(signal);
  using _timer = clock.timer(() => run.abort(new Error(`${overdue} within ${Math.round(ms)} ms`)), ms);
  const aborted = Promise.withResolvers<never>();
  run.signal.addEventListener('abort', () => aborted.reject(run.signal.reason), { once: true });
  run.signal.throwIfAborted();
  return await Promise.race([work(run.signal), aborted.promise]);
}
