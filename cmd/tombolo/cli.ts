import { type Command, CommanderError } from 'commander';
import type { Runner } from './commands/runner.ts';
import type { Io } from './io.ts';
import { createProgram } from './program.ts';

/**
 * The command line from arguments to exit code. Writes only to `io`, ends no process.
 * @param args without program and script
 * @returns 0 done; 1 failed; 2 wrong use; 3 time-out; 4 not healthy; 130 interrupted
 */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  if (args[0] === '__complete') return await complete(args.slice(1), io);
  let exitCode = 0;
  const runner: Runner = {
    async run({ attempted, load, options, args: values }) {
      const [{ run }, action] = await Promise.all([import('./run.ts'), load()]);
      exitCode = await run({ attempted, action, options, args: values }, io);
    },
    print: (text) => void io.stdout.write(text),
  };
  const program = createProgram(programName(io.env), runner);
  program.configureOutput({ writeOut: (text) => void io.stdout.write(text) });
  for (const command of descendants(program)) command.configureOutput(program.configureOutput());
  try {
    await program.parseAsync(normalise(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0; // help
    return await usageError(error, args, program, io);
  }
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)]);
}

/** kubectl runs `kubectl-tombolo` for `kubectl tombolo`; the wrapper script says so. */
function programName(env: NodeJS.ProcessEnv): string {
  return env['TOMBOLO_CALLED_AS'] === 'kubectl-tombolo' ? 'kubectl tombolo' : 'tombolo';
}

/** Flags without a value may be given one, as kubectl's users write it: `--wait=false` is `--no-wait`. */
function normalise(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const flags = args.slice(0, end).flatMap((arg) => {
    const [, flag, value] = /^--(wait|yes|force|check|client|all)=(true|false)$/.exec(arg) ?? [];
    if (flag === undefined) return [arg];
    if (value === 'true') return [`--${flag}`];
    return flag === 'wait' ? ['--no-wait'] : [];
  });
  return [...flags, ...args.slice(end)];
}

/** What commander refused, as an error of ours: one sentence, code 2, and a document where one was asked for. */
async function usageError(error: CommanderError, args: readonly string[], program: Command, io: Io): Promise<number> {
  const { CliError } = await import('./errors.ts');
  const { report } = await import('./run.ts');
  const command = deepest(program, args);
  const why =
    error.code === 'commander.help'
      ? `a command is missing; there are: ${command.commands.map((child) => child.name()).join(', ')}`
      : error.message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)/s, '; near: $1');
  const usage = new CliError('BadUsage', {
    attempted: 'read the command line',
    where: fullName(command),
    why,
    next: `see \`${fullName(command)} --help\``,
  });
  return await report(usage, 'read the command line', wantedFormat(args), io);
}

/** The command that the arguments name, as far as they name one. */
function deepest(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const arg of args) {
    const child = command.commands.find((candidate) => candidate.name() === arg);
    if (child !== undefined) command = child;
  }
  return command;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

/** The output format, although the arguments were refused: a script that asked for JSON gets its error as JSON too. */
function wantedFormat(args: readonly string[]): 'text' | 'json' | 'yaml' {
  const wanted = /(?:^|\s)(?:-o|--output)[\s=]?(json|yaml)(?:\s|$)/.exec(args.join(' '))?.[1];
  return wanted === 'json' || wanted === 'yaml' ? wanted : 'text';
}

async function complete(words: readonly string[], io: Io): Promise<number> {
  const { candidates } = await import('./completion/candidates.ts');
  const program = createProgram('tombolo', { run: async () => undefined, print: () => undefined });
  const found = await candidates(program, words, io.env);
  io.stdout.write(`${[...found, ':4'].join('\n')}\n`);
  return 0;
}
