import { Command } from 'commander';
import { act, type Runner } from './runner.ts';

export function verifyCommand(runner: Runner): Command {
  const command = new Command('verify')
    .description('Send packets between pods, Services and hosts of both clusters, by short-lived pods of its own.')
    .argument('[peer]', 'only this one (default: each that this cluster uses)')
    .option('--image <reference>', 'image of these pods (default: that of the installation here)');
  return act(command, runner, 'verify the network', async () => (await import('../actions/verify/verify.ts')).verify);
}
