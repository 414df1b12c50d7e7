import type { Peer, PeerStatus, Role } from '#pkg/api';
import { isCodedError } from '#pkg/runtime';
import { stands } from './peer-view.ts';

/** One condition as it should be shown. */
export interface Verdict {
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase; a PeeringCode where an error is behind it. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
}

export type Phase = NonNullable<PeerStatus['phase']>;

/** What one direction of a peering looks like after it was looked at. */
export interface DirectionReport {
  readonly role: Role;
  /** Whether anything of this direction exists: keeps it in `status.roles`. */
  readonly stands: boolean;
  readonly phase: Phase;
  /** The step under way, in words; empty where nothing is to be done. */
  readonly step: string;
  readonly authenticated: Verdict;
  readonly apiReachable: Verdict;
  /** Absent: nothing is wrong beside what the other two say. */
  readonly degraded?: Verdict;
  /** Facts for the status, beside conditions. */
  readonly facts: Partial<PeerStatus>;
  /** When to look again at the latest. */
  readonly requeueAfterMs: number;
}

/**
 * The end of a direction of which nothing is left. Looked at once more when the status says so, and then no more: the other
 * direction may drain for minutes, and each look asks the API server nine times.
 */
export function over(report: DirectionReport, peer: Peer): DirectionReport {
  return { ...report, stands: false, step: '', requeueAfterMs: stands(peer, report.role) ? 20 : Infinity };
}

/** `error` as a condition: its code is the reason, its sentence the message. */
export function verdictOf(error: unknown, status: Verdict['status'] = 'False'): Verdict {
  if (isCodedError(error)) return { status, reason: error.code, message: error.message };
  return { status, reason: 'Failed', message: error instanceof Error ? error.message : String(error) };
}

export const verdict = (status: Verdict['status'], reason: string, message: string): Verdict => ({
  status,
  reason,
  message,
});
