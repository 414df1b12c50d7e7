import { Command } from 'commander';
import { act, type Runner } from './runner.ts';

export function uninstallCommand(runner: Runner): Command {
  const command = new Command('uninstall').description(
    'Remove Tombolo and every object and label of it; refuses while peers or offloaded namespaces exist.',
  );
  return act(
    command,
    runner,
    'uninstall Tombolo',
    async () => (await import('../actions/uninstall/uninstall.ts')).uninstall,
  );
}
