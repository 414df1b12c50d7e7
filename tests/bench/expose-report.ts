import type { ExposeReport } from './expose.ts';
import { median } from './median.ts';
import { table } from './table.ts';

const GOAL = { pods: 1_000, ratio: 1.5 };

/** The figures as a table: medians, and the median of what the two sides of each round have to each other. */
export function renderExpose({ sizes, rounds, loadAverage }: ExposeReport): string {
  const rows = sizes.map(({ pods, runs }) => {
    const of = (values: readonly number[], digits: number) => median(values)?.toFixed(digits) ?? '–';
    const ratios = runs.map(({ localMs, remoteMs }) => remoteMs / localMs);
    const isBig = pods >= GOAL.pods;
    const verdict = !isBig ? '' : (median(ratios) ?? Number.POSITIVE_INFINITY) <= GOAL.ratio ? 'met' : 'MISSED';
    const local = runs.map((run) => run.localMs);
    const remote = runs.map((run) => run.remoteMs);
    return [String(pods), of(local, 0), of(remote, 0), of(ratios, 2), isBig ? `≤ ${GOAL.ratio}` : '', verdict];
  });
  const [before, after] = loadAverage.map((value) => value.toFixed(1));
  const head = ['pods', 'local slices ms', 'slices there ms', 'ratio', 'goal', ''];
  return `${table(head, rows)}\nmedian of ${rounds} rounds; load average ${before} before, ${after} after\n`;
}
