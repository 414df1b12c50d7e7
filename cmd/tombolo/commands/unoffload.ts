import { Command } from 'commander';
import { act, type Runner } from './runner.ts';

export function unoffloadCommand(runner: Runner): Command {
  const command = new Command('unoffload')
    .description('Bring the pods of a namespace back and remove its twins.')
    .argument('<namespace>');
  return act(
    command,
    runner,
    'end offloading of the namespace',
    async () => (await import('../actions/unoffload.ts')).unoffload,
  );
}
