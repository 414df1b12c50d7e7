import type { Progress } from './output/progress.ts';

interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** The outside of the command line. Tests hand in their own. */
export interface Io {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Whether somebody can be asked: stdin and stderr are a terminal. */
  readonly isInteractive: boolean;
  /** Asks a yes-or-no question on stderr; only called where `isInteractive`. */
  ask(question: string, signal: AbortSignal): Promise<boolean>;
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** Only for tests: replaces the progress lines. */
  readonly progress?: Progress;
}

/** The real outside of this process. The first SIGINT or SIGTERM aborts; the handler stays, so a second one changes nothing. */
export function processIo(): Io {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort());
  return {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    interrupted: controller.signal,
    async ask(question, signal) {
      const { confirm, isCancel } = await import('@clack/prompts');
      const answer = await confirm({ message: question, initialValue: false, output: process.stderr, signal });
      // In raw mode Ctrl-C reaches the prompt as a key and not the process as a signal.
      if (isCancel(answer) && !signal.aborted) controller.abort();
      return answer === true;
    },
  };
}
