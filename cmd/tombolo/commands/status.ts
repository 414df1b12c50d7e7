import { Command } from 'commander';
import { act, type Runner } from './runner.ts';

export function statusCommand(runner: Runner): Command {
  const command = new Command('status')
    .description('What stands: this cluster, its peers, virtual nodes, grants and offloaded namespaces.')
    .argument('[peer]', 'only this one')
    .option('--check', 'exit with 4 if anything is not healthy', false);
  return act(command, runner, 'read the status', async () => (await import('../actions/status/status.ts')).status);
}
