import { Command } from 'commander';
import { name, resources } from '../flag-values.ts';
import { act, type Runner } from './runner.ts';

export function requestsCommand(runner: Runner): Command {
  const command = new Command('requests').description(
    'List clusters that ask to use this one, and those that this one asks; with the fingerprints to compare.',
  );
  return act(command, runner, 'list the requests', async () => (await import('../actions/requests.ts')).requests);
}

export function acceptCommand(runner: Runner): Command {
  const command = new Command('accept')
    .description('Let a cluster that asks use this one. Compare the fingerprints of `tombolo requests` first.')
    .argument('<request>', 'its name or fingerprint')
    .option('--name <name>', 'how to call the other cluster here (default: its own name)', name)
    .option('--limit <resources>', 'most that it may be granted, as cpu=8,memory=16Gi', resources);
  return act(command, runner, 'accept the request', async () => (await import('../actions/decide.ts')).accept);
}

export function rejectCommand(runner: Runner): Command {
  const command = new Command('reject')
    .description('Refuse a cluster that asks to use this one.')
    .argument('[request]', 'its name or fingerprint')
    .option('--all', 'every request that waits', false);
  return act(command, runner, 'reject the request', async () => (await import('../actions/decide.ts')).reject);
}
