export type End = 'time-out' | 'interruption';

export interface Deadline extends Disposable {
  /** Aborted with the error that `reason` made. */
  readonly signal: AbortSignal;
  /** Rejects when the signal aborts; never resolves. */
  readonly ended: Promise<never>;
}

/** Longest delay of a Node timer; more fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ends after `timeoutMs`, or when `interrupted` aborts, whichever comes first. */
export function deadlineOf(timeoutMs: number, interrupted: AbortSignal, reason: (why: End) => Error): Deadline {
  const controller = new AbortController();
  const end = (why: End): void => controller.abort(reason(why));
  const onInterrupt = (): void => end('interruption');
  const timer = setTimeout(() => end('time-out'), Math.min(timeoutMs, MAX_TIMER_MS));
  const ended = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), { once: true });
  });
  ended.catch(() => undefined); // looked at only while an action runs; alone it must not end the process
  if (interrupted.aborted) onInterrupt();
  else interrupted.addEventListener('abort', onInterrupt, { once: true });
  return {
    signal: controller.signal,
    ended,
    [Symbol.dispose]() {
      clearTimeout(timer);
      interrupted.removeEventListener('abort', onInterrupt);
    },
  };
}
