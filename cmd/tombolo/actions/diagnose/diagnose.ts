import { EXIT } from '../../errors.ts';
import type { Result } from '../../output/format.ts';
import type { Session } from '../../session.ts';
import { requireKnown } from '../status/known.ts';
import { CHECKS } from './checks/index.ts';
import type { Facts } from './facts.ts';
import { type Cause, faultTree } from './fault-tree.ts';
import type { Finding } from './finding.ts';
import { readFacts } from './read.ts';

/** From the start: what does not answer must not keep the rest. The API server gives a webhook 5 s. */
const READ_MS = 12_000;

export interface DiagnoseOptions {
  readonly remoteKubeconfig?: string;
  readonly remoteContext?: string;
}

/** What `tombolo diagnose -o json` prints. Keys are stable. */
export interface Diagnosis {
  readonly healthy: boolean;
  readonly cluster: string;
  /** The first one first to be mended. */
  readonly causes: readonly Cause[];
  readonly checks: readonly { readonly name: string; readonly result: 'ok' | 'fault' | 'unknown' }[];
  /** What cannot be known from here. */
  readonly unknown: readonly string[];
  /** No faults, and still worth a look. */
  readonly notes: readonly string[];
}

/**
 * Says why something is not healthy: roots, and what follows from each (CLI-11). Changes nothing.
 * @returns exit code 4 where there is a cause
 * @throws CliError `NotInstalled`, `UnknownPeer`
 */
export async function diagnosePeers(
  session: Session,
  options: DiagnoseOptions,
  args: readonly string[],
): Promise<Result> {
  const { signal, progress } = session;
  const [only] = args;
  progress.step('reading what was measured');
  const budget = AbortSignal.any([signal, AbortSignal.timeout(READ_MS)]);
  const cluster = await session.home();
  const hasRemote = options.remoteKubeconfig !== undefined || options.remoteContext !== undefined;
  const facts = await readFacts(cluster, { only, ...(hasRemote && { remote: () => session.remote() }) }, budget);
  signal.throwIfAborted();
  requireKnown(cluster, facts.status, only, 'diagnose');
  const value = diagnosisOf(facts);
  const { printDiagnosis } = await import('./print.ts');
  return { value, text: printDiagnosis(value), exitCode: value.healthy ? EXIT.done : EXIT.unhealthy };
}

/** All checks, and what follows from what. Pure. */
export function diagnosisOf(facts: Facts): Diagnosis {
  const judged = CHECKS.map(({ name, judge }) => ({ name, ...judge(facts) }));
  const causes = faultTree(judged.flatMap(({ findings }): readonly Finding[] => findings));
  return {
    healthy: causes.length === 0,
    cluster: facts.view.cluster.name,
    causes,
    checks: judged.map(({ name, findings, unknown }) => ({
      name,
      result: findings.length > 0 ? 'fault' : unknown.length > 0 ? 'unknown' : 'ok',
    })),
    unknown: judged.flatMap(({ unknown }) => unknown),
    notes: judged.flatMap(({ notes = [] }) => notes),
  };
}
