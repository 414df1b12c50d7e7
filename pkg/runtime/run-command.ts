import { spawn } from 'node:child_process';
import { CodedError, type ErrorRule } from './coded-error.ts';

/** Most programs we call (`ip`, `nft`, `ctr`) answer in milliseconds; half a minute without an end means a hang. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** More than any answer we parse (`ip -json route` of 10,000 routes is 2 MB). */
const DEFAULT_MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Between SIGTERM and SIGKILL of a program that is told to stop. */
const KILL_GRACE_MS = 2_000;

/** Lines of stderr are quoted in messages up to this length. */
const QUOTED_CHARACTERS = 400;

export interface CommandOptions {
  /** Ends the program (SIGTERM, after 2 s SIGKILL); the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whole run, from start to exit. Default 30 s. */
  readonly timeoutMs?: number;
  /** Written to stdin, which is then closed. Default: nothing, stdin is empty. */
  readonly input?: string | Uint8Array;
  /** Replaces the inherited environment; `LC_ALL=C` is always set, so that messages can be recognised. */
  readonly env?: Readonly<NodeJS.ProcessEnv>;
  readonly cwd?: string;
  /** Bound of stdout and of stderr, each; a program that prints more is ended. Default 16 MiB. */
  readonly maxOutputBytes?: number;
  /** Exit codes that are an answer and not a failure. Default: only 0. */
  readonly acceptExitCodes?: readonly number[];
  /** Is told each line of stderr as it comes, for programs whose progress somebody watches. */
  readonly onStderrLine?: (line: string) => void;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why a program gave no answer. `exited` is the only one where the program itself decided so. */
export type CommandFailure = 'notFound' | 'notStarted' | 'exited' | 'killed' | 'timedOut' | 'tooMuchOutput';

const RULES = {
  CommandNotFound: { retryable: false, next: 'install it, or correct the PATH' },
  CommandNotStarted: { retryable: true, next: 'look whether it can be executed' },
  CommandFailed: { retryable: true, next: 'run it by hand to see all that it prints' },
  CommandKilled: { retryable: true, next: 'look who ended it' },
  CommandTimedOut: { retryable: true, next: 'look what it waits for' },
  CommandOutputTooLarge: { retryable: false, next: 'ask it for less' },
} as const satisfies Record<string, ErrorRule>;

const CODES = {
  notFound: 'CommandNotFound',
  notStarted: 'CommandNotStarted',
  exited: 'CommandFailed',
  killed: 'CommandKilled',
  timedOut: 'CommandTimedOut',
  tooMuchOutput: 'CommandOutputTooLarge',
} as const satisfies Record<CommandFailure, keyof typeof RULES>;

/** A program that did not do what it was asked to. The message names program, exit code and first line of stderr. */
export class CommandError extends CodedError<keyof typeof RULES> {
  /** The program and its arguments, as one line; long argument lists are cut. */
  readonly command: string;
  readonly failure: CommandFailure;
  /** Set for `exited` only. */
  readonly exitCode: number | undefined;
  readonly stderr: string;

  constructor(
    command: string,
    failure: CommandFailure,
    why: string,
    facts: { exitCode?: number; stderr?: string } & ErrorOptions = {},
  ) {
    const options = facts.cause === undefined ? undefined : { cause: facts.cause };
    super(RULES, CODES[failure], { attempted: 'run a program', where: command, why }, options);
    this.command = command;
    this.failure = failure;
    this.exitCode = facts.exitCode;
    this.stderr = facts.stderr ?? '';
  }
}

/**
 * Runs one program to its end and returns what it printed.
 *
 * No shell: `program` is a path or a name on the PATH, `args` reach it unchanged. Secrets belong into `input` or a
 * file, never into `args`, which any process of the host can read and which errors quote.
 * @throws CommandError, or the reason of `options.signal`
 */
export function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
  const command = quoted([program, ...args].join(' '));
  return new Promise<CommandResult>((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const child = spawn(program, args, {
      env: { ...(options.env ?? process.env), LC_ALL: 'C' },
      stdio: 'pipe',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    // What ends the program before it ends by itself; the first reason counts.
    let stopped: Error | undefined;
    let killTimer: NodeJS.Timeout | undefined;
    const stop = (reason: Error): void => {
      if (stopped !== undefined) return;
      stopped = reason;
      child.kill('SIGTERM');
      killTimer = setTimeout(() => child.kill('SIGKILL'), KILL_GRACE_MS);
    };
    const deadline = setTimeout(
      () => stop(new CommandError(command, 'timedOut', `no end within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    const onAbort = (): void => stop(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });

    const overflow = (): void =>
      stop(new CommandError(command, 'tooMuchOutput', `printed more than ${maxOutputBytes} bytes`));
    const stdout = collect(child.stdout, maxOutputBytes, overflow);
    const stderr = collect(child.stderr, maxOutputBytes, overflow);
    if (options.onStderrLine !== undefined) eachLine(child.stderr, options.onStderrLine);

    // A program that ends without reading its input closes the pipe; EPIPE tells us nothing that its exit code does
    // not, and without a listener it would end our process.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);

    const settle = (): void => {
      clearTimeout(deadline);
      clearTimeout(killTimer);
      signal?.removeEventListener('abort', onAbort);
    };
    child.once('error', (cause: NodeJS.ErrnoException) => {
      settle();
      reject(
        cause.code === 'ENOENT'
          ? new CommandError(command, 'notFound', `there is no program "${program}"`, { cause })
          : new CommandError(command, 'notStarted', cause.message, { cause }),
      );
    });
    child.once('close', (exitCode, killedBy) => {
      settle();
      if (stopped !== undefined) reject(stopped);
      else if (exitCode === null) {
        reject(new CommandError(command, 'killed', `ended by ${killedBy}`, { stderr: stderr() }));
      } else if ((options.acceptExitCodes ?? [0]).includes(exitCode)) {
        resolve({ exitCode, stdout: stdout(), stderr: stderr() });
      } else reject(exited(command, exitCode, stderr()));
    });
  });
}

function exited(command: string, exitCode: number, stderr: string): CommandError {
  const line = stderr
    .split('\n')
    .map((text) => text.trim())
    .find((text) => text !== '');
  const why = line === undefined ? `exit code ${exitCode}` : `exit code ${exitCode}: ${quoted(line)}`;
  return new CommandError(command, 'exited', why, { exitCode, stderr });
}

function quoted(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length <= QUOTED_CHARACTERS ? line : `${line.slice(0, QUOTED_CHARACTERS)}…`;
}

/** Gathers a stream up to `limit` bytes and calls `overflow` once more arrive; what is over the limit is dropped. */
function collect(stream: NodeJS.ReadableStream, limit: number, overflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) overflow();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}

function eachLine(stream: NodeJS.ReadableStream, tell: (line: string) => void): void {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    // An endless line is no progress message: keep only its end.
    rest = (lines.pop() ?? '').slice(-QUOTED_CHARACTERS);
    for (const line of lines) tell(line);
  });
  stream.on('end', () => {
    if (rest !== '') tell(rest);
  });
}
