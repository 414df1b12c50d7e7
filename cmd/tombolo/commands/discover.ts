import { Command } from 'commander';
import { act, type Runner } from './runner.ts';

export function discoverCommand(runner: Runner): Command {
  const command = new Command('discover')
    .description('Look for other clusters in DNS and on the local network, and list what was found.')
    .option('--all', 'also this cluster itself', false);
  return act(command, runner, 'look for other clusters', async () => (await import('../actions/discover.ts')).discover);
}
