import { CommandError, type CommandOptions, type CommandResult, runCommand } from '#pkg/runtime';
import { WireguardError } from './errors.ts';

/** Runs a program where the interface lives. */
export type HostCommand = (
  program: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<CommandResult>;

/** Puts `enter` before every program. */
export function hostCommand(enter: readonly string[]): HostCommand {
  return (program, args, options) => {
    const [first, ...rest] = [...enter, program, ...args];
    return runCommand(first ?? program, rest, options);
  };
}

/**
 * What a failed program means here. What is no error of a program, an abort for instance, comes back as it is.
 * `attempted` and `device` become part of the message.
 */
export function hostError(attempted: string, device: string, cause: unknown): unknown {
  if (!(cause instanceof CommandError)) return cause;
  const facts = { attempted, where: device, why: cause.why };
  const { stderr } = cause;
  if (/not permitted|permission denied/i.test(stderr)) return new WireguardError('MissingCapability', facts, { cause });
  if (/in use|busy/i.test(stderr)) return new WireguardError('DeviceBusy', facts, { cause });
  if (/no such device|cannot find device|does not exist/i.test(stderr)) {
    return new WireguardError('DeviceUnavailable', facts, { cause });
  }
  return new WireguardError('DeviceRefused', facts, { cause });
}
