import { Command } from 'commander';
import { addresses, collect, httpsUrl, name } from '../flag-values.ts';
import { act, type Runner } from './runner.ts';

export function installCommand(runner: Runner): Command {
  const command = new Command('install')
    .description('Install or update Tombolo on this cluster.')
    .option('--cluster-name <name>', 'how this cluster introduces itself (default: made from the context)', name)
    .option('--image <reference>', 'image of our processes')
    .option('--peering-address <host:port>', 'where peers reach us; may be repeated (default: found)', addresses)
    .option('--api-server <url>', 'where peers reach the API server of this cluster (default: found)', httpsUrl)
    .option('--pod-range <cidr>', 'addresses of pods; may be repeated (default: found)', collect)
    .option('--service-range <cidr>', 'addresses of Services; may be repeated (default: found)', collect)
    .option('--node-range <cidr>', 'addresses of nodes; may be repeated (default: found)', collect)
    .option('--anchor-range <cidr>', 'our own range for nodes and gateway; it cannot change later (default: chosen)')
    .option('--chart <folder>', 'another chart than the one that belongs to this program')
    .option('--set <key=value>', 'a value of the chart, as for Helm; may be repeated', collect)
    .option('--values <file>', 'a file of chart values, as for Helm; may be repeated', collect);
  return act(command, runner, 'install Tombolo', async () => (await import('../actions/install/install.ts')).install);
}
