import { Command, Option } from 'commander';
import { selectorTerm } from '../flag-values.ts';
import { act, type Runner } from './runner.ts';

export function offloadCommand(runner: Runner): Command {
  const command = new Command('offload')
    .description('Let the pods of a namespace run on peers.')
    .argument('<namespace>')
    .addOption(
      new Option('--strategy <strategy>', 'where its pods may run (default LocalAndRemote)').choices([
        'LocalAndRemote',
        'Remote',
        'Local',
      ]),
    )
    .option(
      '--peer-selector <labels>',
      'virtual nodes by label, as region in (eu,us),tier=gold; repeated = or (default: all)',
      selectorTerm,
    )
    .addOption(
      new Option('--twin <strategy>', 'name of the namespace there: <namespace>-<this cluster> or the same').choices([
        'Default',
        'Same',
      ]),
    )
    .option('--twin-name <name>', 'name of the namespace there');
  return act(command, runner, 'offload the namespace', async () => (await import('../actions/offload.ts')).offload);
}
