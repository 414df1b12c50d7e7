import type { Command } from 'commander';
import { Option } from 'commander';
import { duration } from '../flag-values.ts';
import type { Action, CommonFlags } from '../session.ts';

/** Runs an action of a command; the exit code goes its own way (`cli.ts`). */
export interface Runner {
  run<Options>(invocation: {
    attempted: string;
    load: () => Promise<Action<Options>>;
    options: Options & CommonFlags;
    args: readonly string[];
  }): Promise<void>;
  /** Writes text to stdout, for commands that need no cluster. */
  print(text: string): void;
}

/** Five minutes: a drain with PodDisruptionBudgets, or an image pulled over a slow line. */
const TIMEOUT_DEFAULT = '5m';

/**
 * Gives `command` the flags that all commands have, and its action. The action's module is loaded when it runs.
 * @param attempted completes "cannot …" in errors
 */
export function act<Options>(
  command: Command,
  runner: Runner,
  attempted: string,
  load: () => Promise<Action<Options>>,
): Command {
  return commonFlags(command).action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command; // commander hands in the arguments, the options and the command itself
    await runner.run<Options>({
      attempted,
      load,
      options: optionsOf<Options & CommonFlags>(self),
      args: self.args,
    });
  });
}

/** A flag that was written before the name of a command (`--kubeconfig F status`, `invite --kubeconfig F list`) counts for it. */
function optionsOf<T>(command: Command): T {
  const options: Record<string, unknown> = { ...command.opts() };
  for (let parent = command.parent; parent !== null; parent = parent.parent) {
    for (const [name, value] of Object.entries(parent.opts())) {
      const isGiven = parent.getOptionValueSource(name) === 'cli' && command.getOptionValueSource(name) !== 'cli';
      if (isGiven && command.options.some((option) => option.attributeName() === name)) options[name] = value;
    }
  }
  return options as T;
}

/** Gives `command` the flags that all commands have. The program has them too: they may stand before the command. */
export function commonFlags(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'kubeconfig of this cluster (default $KUBECONFIG or ~/.kube/config)')
    .option('--context <name>', 'context in that kubeconfig')
    .addOption(
      new Option('-o, --output <format>', 'text for people, or one document with stable keys')
        .choices(['text', 'json', 'yaml'])
        .default('text'),
    )
    .option('--wait', 'wait until it is done', true)
    .addOption(new Option('--no-wait', 'return when the wish is written').hideHelp())
    .addOption(
      new Option('--timeout <duration>', 'give up after that long, keeping what is done')
        .argParser(duration)
        .default(duration(TIMEOUT_DEFAULT), TIMEOUT_DEFAULT),
    )
    .option('-y, --yes', 'do not ask', false);
}

/** Flags that name a second cluster. */
export function remoteFlags(command: Command): Command {
  return command
    .option('--remote-kubeconfig <file>', 'kubeconfig of the other cluster')
    .option('--remote-context <name>', 'context in that kubeconfig');
}
