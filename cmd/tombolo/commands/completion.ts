import { Argument, Command } from 'commander';
import type { Runner } from './runner.ts';

/** Prints the script that makes a shell complete; the script asks `__complete`. */
export function completionCommand(runner: Runner): Command {
  return new Command('completion')
    .description('Print the completion script of a shell.')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText('after', '\n  source <(tombolo completion bash)')
    .action(async (shell: string) => {
      const { completionScript } = await import('../completion/script.ts');
      runner.print(completionScript(shell));
    });
}
