import { Command } from 'commander';
import { act, type Runner } from './runner.ts';

export function versionCommand(runner: Runner): Command {
  const command = new Command('version')
    .description('Versions of this program, and of Tombolo and Kubernetes on this cluster.')
    .option('--client', 'only of this program', false);
  return act(command, runner, 'read the versions', async () => (await import('../actions/version.ts')).version);
}
