import { Command, Option } from 'commander';
import { name, resources } from '../flag-values.ts';
import { act, remoteFlags, type Runner } from './runner.ts';

export function peerCommand(runner: Runner): Command {
  const command = remoteFlags(
    new Command('peer')
      .description('Peer with another cluster, by its token, its kubeconfig, or its name where it was discovered.')
      .argument(
        '[found]',
        'a token that `tombolo invite` printed there, or a name or fingerprint of `tombolo discover`',
      ),
  )
    .addOption(
      new Option('--role <role>', 'consume (we use it), provide (it uses us) or both')
        .choices(['consume', 'provide', 'both'])
        .default('consume'),
    )
    .option('--name <name>', 'how to call the other cluster here (default: its own name)', name)
    .addOption(
      new Option(
        '--network <mode>',
        'tunnel; or none: pods run there, and no packet goes between them and here',
      ).choices(['tunnel', 'none']),
    )
    .option('--resources <resources>', 'what to ask for, as cpu=8,memory=16Gi,pods=110', resources);
  return act(command, runner, 'peer', async () => (await import('../actions/peer.ts')).peer);
}
