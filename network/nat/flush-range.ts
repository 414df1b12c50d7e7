import { CommandError, runCommand } from '#pkg/runtime';
import { NatError } from './errors.ts';
import { familyOf } from './nft-text.ts';
import type { Run } from './run.ts';

/** Both ends as the first packet had them; conntrack takes ranges for no other field. */
const ENDS = ['--orig-src', '--orig-dst'] as const;

/**
 * Forgets the connections of a range whose mapping changes: a known connection keeps the translation that its first
 * packet got. Connections between pods go on, because prefix translation depends on the address alone.
 *
 * An entry is found by the addresses that its first packet had when it came in. So for a peer, flush its ranges as seen
 * here; with transit also the aliases under which they were announced to third clusters.
 * @param range a CIDR range or an address of either family
 * @returns how many entries were deleted; none is no error
 * @throws NatError `NatStateInvalid`, `NatToolFailed` (retryable)
 */
export async function flushRange(range: string, signal: AbortSignal, run: Run = runCommand): Promise<number> {
  const family = familyOf(range) === 'ip' ? 'ipv4' : 'ipv6';
  let deleted = 0;
  for (const end of ENDS) {
    // Exit code 1 is also the answer when no entry matched; the count on stderr tells the two apart.
    const args = ['-D', '-f', family, end, range];
    const result = await run('conntrack', args, { signal, acceptExitCodes: [0, 1] }).catch((cause: unknown) => {
      if (!(cause instanceof CommandError)) throw cause;
      throw failed(range, cause.why, cause);
    });
    const count = /(\d+) flow entries have been deleted/.exec(result.stderr)?.[1];
    if (count === undefined) throw failed(range, result.stderr.trim() || `exit code ${result.exitCode}`);
    deleted += Number(count);
  }
  return deleted;
}

function failed(where: string, why: string, cause?: CommandError): NatError {
  return new NatError('NatToolFailed', { attempted: 'forget connections', where, why }, { cause });
}
