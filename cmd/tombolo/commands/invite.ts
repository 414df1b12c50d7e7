import { Command } from 'commander';
import { addresses, duration, resources } from '../flag-values.ts';
import { act, type Runner } from './runner.ts';

export function inviteCommand(runner: Runner): Command {
  const invite = new Command('invite')
    .description('Print a token with which one other cluster may peer with this one.')
    .option('--expires-in <duration>', 'how long the token may be used', duration, duration('1h'))
    .option('--limit <resources>', 'most that the peer may be granted, as cpu=8,memory=16Gi', resources)
    .option('--address <host:port>', 'where the other cluster reaches us; may be repeated (default: found)', addresses);
  act(invite, runner, 'make an invite', async () => (await import('../actions/invite.ts')).createInviteAction);

  const list = new Command('list').description('List invites; none shows its secret.');
  act(list, runner, 'list the invites', async () => (await import('../actions/invite.ts')).listInvites);

  const revoke = new Command('revoke').description('End an invite that was not used.').argument('<invite>', 'its name');
  act(revoke, runner, 'revoke an invite', async () => (await import('../actions/invite.ts')).revokeInvite);

  // Otherwise a flag after the name of a subcommand would be taken for one of `invite` itself.
  return invite.enablePositionalOptions().addCommand(list).addCommand(revoke);
}
