import type { Cluster } from '#pkg/kube';
import { CliError } from './errors.ts';
import type { Format, Result } from './output/format.ts';
import type { Progress } from './output/progress.ts';

/** Flags that every command takes. */
export interface CommonFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly remoteKubeconfig?: string;
  readonly remoteContext?: string;
  readonly output: Format;
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly yes: boolean;
}

/** What a command works with. Everything that it opens is closed when it ends. */
export interface Session {
  readonly flags: CommonFlags;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: Progress;
  /** Aborted by the time-out or by Ctrl-C; its reason is a CliError `TimedOut` or `Interrupted`. */
  readonly signal: AbortSignal;
  /** This cluster: connected, and known to answer. @throws CliError as `connect.ts` says */
  home(): Promise<Cluster>;
  /** The cluster of `--remote-kubeconfig` and `--remote-context`. */
  remote(): Promise<Cluster>;
  /**
   * Lists what will go and asks. Returns when the answer is yes, or `--yes` was given.
   * @throws CliError `ConfirmationNeeded` where nobody can be asked, `Declined` where the answer is no
   */
  confirm(question: string, consequences: readonly string[]): Promise<void>;
}

/** One command: its flags and arguments in, what to print out. Throws errors with the four parts. */
export type Action<Options> = (session: Session, options: Options, args: readonly string[]) => Promise<Result>;

/** Waits; ends at once with the reason of the session's end. */
export async function pause(session: Pick<Session, 'signal'>, ms: number): Promise<void> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  await sleep(ms, undefined, { signal: session.signal }).catch(() => session.signal.throwIfAborted());
}

/**
 * Asks again every `everyMs` until `look` gives something else than `undefined`. The time-out of the session is the bound.
 * @throws what `look` throws, or the reason of the session's end
 */
export async function waitFor<T>(
  session: Pick<Session, 'signal' | 'progress'>,
  words: string,
  look: () => Promise<T | undefined>,
  everyMs = 500,
): Promise<T> {
  session.progress.step(words);
  for (;;) {
    session.signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    await pause(session, everyMs);
  }
}

/** The first argument; commander has made sure that it is there. */
export function argument(args: readonly string[], what: string): string {
  const value = args[0];
  if (value !== undefined) return value;
  throw new CliError('BadUsage', {
    attempted: 'read the arguments',
    where: 'the command line',
    why: `${what} is missing`,
  });
}
