import type { Command, Option } from 'commander';

/** Longest that completion waits for a cluster: it runs at every press of the tab key. */
const NAMES_MS = 2_000;

/**
 * What may stand at the place of the last word: commands, flags, values of a flag with choices, or names from the cluster.
 * Finds nothing rather than fail: a shell has no place for errors.
 * @param words after the program's name; the last one is the beginning that was typed, perhaps empty
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commandOf(program, before);
  const all = await possible(command, before, typed, env);
  return all.filter((word) => word.startsWith(typed)).toSorted((a, b) => a.localeCompare(b));
}

function commandOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) command = command.commands.find((child) => child.name() === word) ?? command;
  return command;
}

async function possible(
  command: Command,
  before: readonly string[],
  typed: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const previous = before.at(-1);
  const isPrevious = (known: Option) => known.long === previous || known.short === previous;
  const option = previous === undefined ? undefined : command.options.find(isPrevious);
  if (option !== undefined && (option.required || option.optional)) return [...(option.argChoices ?? [])];
  if (typed.startsWith('-')) {
    return [...command.options.filter((known) => !known.hidden).flatMap(({ long }) => long ?? []), '--help'];
  }
  if (command.commands.length > 0) return command.commands.map((child) => child.name());
  const argument = command.registeredArguments[0];
  if (argument === undefined) return [];
  if (argument.argChoices !== undefined) return [...argument.argChoices];
  const { clusterNames } = await import('./cluster-names.ts');
  return await clusterNames(argument.name(), { before, env, signal: AbortSignal.timeout(NAMES_MS) });
}
