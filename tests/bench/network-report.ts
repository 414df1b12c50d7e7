import { median } from './median.ts';
import type { NetworkReport } from './network.ts';
import type { Path, Sample } from './network-load.ts';
import { table } from './table.ts';

type Metric = keyof Sample;

interface Row {
  readonly metric: Metric;
  readonly label: string;
  readonly digits: number;
  /** How the pair of Tombolo and raw wireguard-go is compared. */
  readonly compare: 'ratio' | 'difference';
  readonly goal?: { readonly text: string; isMet(value: number): boolean };
}

const atLeast = (least: number) => ({ text: `≥ ${least}`, isMet: (value: number) => value >= least });
const ROWS: readonly Row[] = [
  { metric: 'tcp1', label: 'TCP 1 flow, Gbit/s', digits: 2, compare: 'ratio', goal: atLeast(0.85) },
  { metric: 'tcp4', label: 'TCP 4 flows, Gbit/s', digits: 2, compare: 'ratio' },
  { metric: 'tcp16', label: 'TCP 16 flows, Gbit/s', digits: 2, compare: 'ratio', goal: atLeast(0.85) },
  { metric: 'cpu1', label: 'CPU s per Gbit, 1 flow', digits: 2, compare: 'ratio' },
  { metric: 'cpu4', label: 'CPU s per Gbit, 4 flows', digits: 2, compare: 'ratio' },
  { metric: 'cpu16', label: 'CPU s per Gbit, 16 flows', digits: 2, compare: 'ratio' },
  { metric: 'udp', label: 'UDP 64 bytes, packets/s', digits: 0, compare: 'ratio' },
  {
    metric: 'p50Ms',
    label: 'round trip p50, ms',
    digits: 3,
    compare: 'difference',
    goal: { text: '≤ +0.3 ms', isMet: (value) => value <= 0.3 },
  },
  { metric: 'p99Ms', label: 'round trip p99, ms', digits: 3, compare: 'difference' },
  { metric: 'http', label: 'HTTP, requests/s', digits: 0, compare: 'ratio' },
];

/** The figures as a table: medians, and the median of what the pairs of each round say of Tombolo and raw wireguard-go. */
export function renderNetwork(report: NetworkReport): string {
  const { runs, rounds, seconds, innerMtuBytes, loadAverage } = report;
  const rows = ROWS.map(({ metric, label, digits, compare, goal }) => {
    const figure = (path: Path) => median(runs.flatMap((run) => run[path][metric] ?? []))?.toFixed(digits) ?? '–';
    const pairs = runs.flatMap(({ tombolo: { [metric]: through }, raw: { [metric]: raw } }) => {
      if (through === undefined || raw === undefined) return [];
      return compare === 'ratio' ? through / raw : through - raw;
    });
    const compared = median(pairs);
    const text = compared === undefined ? '–' : compare === 'ratio' ? compared.toFixed(2) : signed(compared);
    const verdict = goal === undefined || compared === undefined ? '' : goal.isMet(compared) ? 'met' : 'MISSED';
    return [label, figure('veth'), figure('raw'), figure('tombolo'), text, goal?.text ?? '', verdict];
  });
  const head = ['', 'plain veth', 'raw wireguard-go', 'tombolo', 'tombolo : raw', 'goal', ''];
  const [before, after] = loadAverage.map((value) => value.toFixed(1));
  return (
    `${table(head, rows)}\nmedian of ${rounds} alternated rounds of ${seconds} s a figure; ` +
    `inner MTU ${innerMtuBytes} bytes; load average ${before} before, ${after} after\n`
  );
}

function signed(milliseconds: number): string {
  return `${milliseconds < 0 ? '' : '+'}${milliseconds.toFixed(3)} ms`;
}
