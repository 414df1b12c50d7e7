import { Command } from 'commander';
import { completionCommand } from './commands/completion.ts';
import { cordonCommand, uncordonCommand } from './commands/cordon.ts';
import { diagnoseCommand } from './commands/diagnose.ts';
import { discoverCommand } from './commands/discover.ts';
import { installCommand } from './commands/install.ts';
import { inviteCommand } from './commands/invite.ts';
import { offloadCommand } from './commands/offload.ts';
import { peerCommand } from './commands/peer.ts';
import { acceptCommand, rejectCommand, requestsCommand } from './commands/requests.ts';
import { statusCommand } from './commands/status.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { unoffloadCommand } from './commands/unoffload.ts';
import { unpeerCommand } from './commands/unpeer.ts';
import { verifyCommand } from './commands/verify.ts';
import { versionCommand } from './commands/version.ts';
import { commonFlags, type Runner } from './commands/runner.ts';

/**
 * The command tree: names, flags and help, and nothing that costs time. What a command does is loaded when it runs, so that
 * `--help` answers within 250 ms.
 * @param programName how people call it: `tombolo` or `kubectl tombolo`
 */
export function createProgram(programName: string, runner: Runner): Command {
  const program = commonFlags(new Command(programName))
    .description('Turns remote Kubernetes clusters into nodes of this one.')
    .showHelpAfterError(false)
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', EXIT_CODES);
  const commands = [
    installCommand(runner),
    uninstallCommand(runner),
    inviteCommand(runner),
    discoverCommand(runner),
    peerCommand(runner),
    requestsCommand(runner),
    acceptCommand(runner),
    rejectCommand(runner),
    unpeerCommand(runner),
    offloadCommand(runner),
    unoffloadCommand(runner),
    cordonCommand(runner),
    uncordonCommand(runner),
    statusCommand(runner),
    verifyCommand(runner),
    diagnoseCommand(runner),
    versionCommand(runner),
    completionCommand(runner),
  ];
  for (const command of commands) program.addCommand(command);
  quieten(program);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done; 1 failed; 2 wrong use, or a question that cannot be asked; 3 time-out, run it again;
4 done, but something is not healthy; 130 interrupted.`;

/** Errors are thrown, and written by us; help goes to stdout as commander wants it. */
function quieten(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  for (const child of command.commands) quieten(child);
}
