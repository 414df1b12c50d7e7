import { table } from '../../output/table.ts';
import type { Problem } from './diagnose.ts';
import type { Line } from './matrix.ts';

/** What is known of the network to one peer. Keys are stable: this is the JSON. */
export interface PeerReport {
  readonly peer: string;
  readonly healthy: boolean;
  readonly problems: readonly Problem[];
  readonly tunnel: {
    readonly ready: boolean;
    readonly message: string;
    readonly endpoint?: string;
    readonly roundTripMilliseconds?: number;
    readonly lossPercent?: number;
  };
  readonly lines: readonly Line[];
}

/** The matrix for people: per peer the tunnel, a table, and which hop fails. */
export function printReports(reports: readonly PeerReport[]): string {
  return reports.map(printReport).join('\n');
}

function printReport({ peer, tunnel, lines, problems }: PeerReport): string {
  const measured = [
    ...(tunnel.endpoint === undefined ? [] : [`${tunnel.endpoint} (UDP)`]),
    ...(tunnel.roundTripMilliseconds === undefined ? [] : [`round trip ${tunnel.roundTripMilliseconds} ms`]),
    ...(tunnel.lossPercent === undefined ? [] : [`loss ${tunnel.lossPercent} %`]),
  ];
  const title = `Peer ${peer}: ${tunnel.message}${measured.length === 0 ? '' : ` (${measured.join(', ')})`}\n`;
  const rows = lines.map(({ from, to, protocol, bytes, result, roundTripMs, seen, why }) => [
    from,
    to,
    bytes === 0 ? '' : protocol,
    bytes === 0 ? '' : String(bytes),
    result,
    roundTripMs === undefined ? '' : `${roundTripMs.toFixed(2)} ms`,
    seen ?? '',
    shortened(why ?? ''),
  ]);
  const matrix = rows.length === 0 ? '' : table(HEADERS, rows);
  const verdict =
    problems.length === 0
      ? `All is well with ${peer}.\n`
      : `Not healthy:\n${problems.map(({ hop, message }) => `  - ${hop}: ${message}\n`).join('')}`;
  return title + matrix + verdict;
}

const HEADERS = ['from', 'to', 'protocol', 'bytes', 'result', 'round trip', 'seen as', 'why'];

/** Other people's reasons may be pages; JSON has them whole. */
const MAX_WHY = 120;

function shortened(why: string): string {
  const line = why.replaceAll(/\s+/g, ' ');
  return line.length <= MAX_WHY ? line : `${line.slice(0, MAX_WHY)}…`;
}
