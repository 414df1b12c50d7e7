import { connect } from './connect.ts';
import { CliError, EXIT, type ExitCode, exitCodeOf } from './errors.ts';
import type { Io } from './io.ts';
import { errorParts, errorSentence } from './output/error.ts';
import { type Format, render } from './output/format.ts';
import { createProgress } from './output/progress.ts';
import { confirm } from './confirm.ts';
import { deadlineOf, type End } from './deadline.ts';
import type { Action, CommonFlags, Session } from './session.ts';

export interface Invocation<Options> {
  /** Completes "cannot …": `install Tombolo`. */
  readonly attempted: string;
  readonly action: Action<Options>;
  readonly options: Options & CommonFlags;
  readonly args: readonly string[];
}

/**
 * Runs one command from flags to exit code: result on stdout, everything else on stderr, an error as one sentence with its
 * four parts. Ends within a moment of the time-out or of Ctrl-C, whatever the action is doing.
 */
export async function run<Options>(invocation: Invocation<Options>, io: Io): Promise<ExitCode> {
  const { options, attempted, action, args } = invocation;
  const progress = io.progress ?? createProgress(io.stderr);
  using deadline = deadlineOf(options.timeout, io.interrupted, (why) =>
    endOf(why, attempted, progress.current, options),
  );
  const { signal } = deadline;
  const opened = new AsyncDisposableStack();
  const open = async (what: string, kubeconfig?: string, context?: string) =>
    opened.use(await connect({ what, kubeconfig, context }, io.env, signal));
  const session: Session = {
    flags: options,
    env: io.env,
    progress,
    signal,
    home: once(() => open('this cluster', options.kubeconfig, options.context)),
    remote: once(() =>
      open('the remote cluster', options.remoteKubeconfig ?? options.kubeconfig, options.remoteContext),
    ),
    confirm: (question, consequences) => confirm({ question, consequences, isYes: options.yes, io, progress, signal }),
  };
  let running: Promise<unknown> = Promise.resolve();
  try {
    const acting = action(session, options, args);
    running = acting.catch(() => undefined); // its error is reported where it is waited for
    const result = await Promise.race([acting, deadline.ended]);
    progress.end();
    io.stdout.write(await render(options.output, result.value, result.text));
    return result.exitCode ?? EXIT.done;
  } catch (error) {
    progress.end();
    // What an action throws after the end came is a consequence of the end.
    return await report(signal.aborted ? signal.reason : error, attempted, options.output, io);
  } finally {
    await within(CLEAN_UP_MS, running); // has ended long ago, unless the time-out or Ctrl-C came
    await close(opened);
  }
}

/** Writes an error: one sentence on stderr; where JSON or YAML is asked for, one document on stdout too. */
export async function report(error: unknown, attempted: string, output: Format, io: Io): Promise<ExitCode> {
  const parts = errorParts(error, attempted);
  io.stderr.write(`error: ${errorSentence(parts)}\n`);
  if (output !== 'text') io.stdout.write(await render(output, { error: parts }, ''));
  return exitCodeOf(parts.code);
}

function endOf(why: End, attempted: string, step: string, { timeout }: CommonFlags): CliError {
  const where = step === '' ? 'at the first step' : `while ${step}`;
  return why === 'time-out'
    ? new CliError('TimedOut', { attempted, where, why: `not done within ${timeout / 1000} s` })
    : new CliError('Interrupted', { attempted, where, why: 'it was interrupted' });
}

/** Time that an action gets after the end came, to remove what is of no use to anybody: with the next time within the 2 s of CLI-07. */
const CLEAN_UP_MS = 1_400;
/** Time that connections get to close after the result is out; the process ends then anyway. */
const CLOSE_MS = 500;

async function close(opened: AsyncDisposableStack): Promise<void> {
  // A connection that cannot be closed cleanly has nothing more to tell: the result is out, and the process ends.
  await within(
    CLOSE_MS,
    opened.disposeAsync().catch(() => undefined),
  );
}

/** Waits for `work`, but no longer than `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

/** The first call opens, later ones get the same; a failed attempt is not kept. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}
