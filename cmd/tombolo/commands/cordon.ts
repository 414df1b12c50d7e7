import { Command } from 'commander';
import { act, type Runner } from './runner.ts';

export function cordonCommand(runner: Runner): Command {
  const command = new Command('cordon')
    .description('Lend a peer no room for new pods; what runs goes on.')
    .argument('<peer>', 'its name');
  return act(command, runner, 'cordon the peer', async () => (await import('../actions/cordon.ts')).cordon);
}

export function uncordonCommand(runner: Runner): Command {
  const command = new Command('uncordon')
    .description('Lend a peer room for new pods again.')
    .argument('<peer>', 'its name');
  return act(command, runner, 'uncordon the peer', async () => (await import('../actions/cordon.ts')).uncordon);
}
