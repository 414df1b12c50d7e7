import { messageOf } from './coded-error.ts';

/** Kubernetes sends SIGKILL 30 s after SIGTERM by default: end by ourselves before. */
const SHUTDOWN_DEADLINE_MS = 20_000;

/**
 * Owns the life of a process: SIGTERM and SIGINT abort the signal that `run` gets; a clean end exits 0; an error, an
 * unhandled rejection, a stop that takes longer than 20 s, or a `run` that waits for something that can never come exits 1
 * with one JSON line on stderr.
 */
export function main(name: string, run: (signal: AbortSignal) => Promise<void>): void {
  const controller = new AbortController();
  const fail = (error: unknown) => {
    process.stderr.write(`${JSON.stringify({ level: 60, name, msg: messageOf(error), stack: stackOf(error) })}\n`);
    process.exit(1);
  };
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) return;
    controller.abort(new Error(`stopped by ${signal}`));
    setTimeout(
      () => fail(new Error(`did not end within ${SHUTDOWN_DEADLINE_MS / 1000} s of ${signal}`)),
      SHUTDOWN_DEADLINE_MS,
    ).unref();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);
  process.once('beforeExit', () => fail(new Error('nothing is left that could wake the process up')));
  Promise.try(run, controller.signal).then(
    () => process.exit(0),
    (error: unknown) =>
      controller.signal.aborted && error === controller.signal.reason ? process.exit(0) : fail(error),
  );
}

/** Longer chains of causes do not exist; the bound is for one that ends in itself. */
const MAX_CAUSES = 8;

/** The stack of an error and of what caused it. */
function stackOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > MAX_CAUSES) return undefined;
  const cause = stackOf(error.cause, depth + 1);
  return cause === undefined ? error.stack : `${error.stack}\ncaused by ${cause}`;
}
