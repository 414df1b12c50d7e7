import { Command, Option } from 'commander';
import { act, type Runner } from './runner.ts';

export function unpeerCommand(runner: Runner): Command {
  const command = new Command('unpeer')
    .description('End a peering: drain its pods, then remove everything of it on both sides.')
    .argument('<peer>', 'its name')
    .addOption(
      new Option(
        '--role <role>',
        'end only that direction: consume (we use it) or provide (it uses us); default both',
      ).choices(['consume', 'provide', 'both']),
    )
    .option('--force', 'clean this side without asking the other and without waiting for evictions', false);
  return act(command, runner, 'end the peering', async () => (await import('../actions/unpeer.ts')).unpeer);
}
