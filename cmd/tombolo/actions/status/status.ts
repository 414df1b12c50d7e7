import { EXIT } from '../../errors.ts';
import type { Result } from '../../output/format.ts';
import type { Session } from '../../session.ts';
import { judge } from './judge.ts';
import { requireKnown } from './known.ts';
import { readFacts } from './read.ts';

/** From the start: a part that does not answer must not keep the whole answer beyond 10 s (CLI-10). */
const READ_MS = 9_000;

/**
 * What stands, as it was verified. Reads only.
 * @throws CliError `NotInstalled`, `UnknownPeer`
 */
export async function status(
  session: Session,
  options: { readonly check: boolean },
  args: readonly string[],
): Promise<Result> {
  const { signal } = session;
  const only = args[0];
  const budget = AbortSignal.any([signal, AbortSignal.timeout(READ_MS)]);
  const cluster = await session.home();
  const facts = await readFacts(cluster, budget);
  signal.throwIfAborted();
  requireKnown(cluster, facts, only, 'read the status');
  const view = judge(facts, only);
  const { printStatus } = await import('./print.ts');
  const exitCode = options.check && !view.healthy ? EXIT.unhealthy : EXIT.done;
  return { value: view, text: printStatus(view, facts.now), exitCode };
}
