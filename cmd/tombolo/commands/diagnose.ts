import { Command } from 'commander';
import { act, remoteFlags, type Runner } from './runner.ts';

export function diagnoseCommand(runner: Runner): Command {
  const command = remoteFlags(
    new Command('diagnose')
      .description('Say why something is not healthy: causes first, each with what follows from it and what to do.')
      .argument('[peer]', 'only this one'),
  ).addHelpText('after', NOTES);
  return act(command, runner, 'diagnose', async () => (await import('../actions/diagnose/diagnose.ts')).diagnosePeers);
}

const NOTES = `
Reads what this cluster has measured, and changes nothing. With --remote-kubeconfig it looks at that cluster too, which
tells apart what cannot be told apart from one side. Exits with 0 where all is well, with 4 where a cause was found.`;
