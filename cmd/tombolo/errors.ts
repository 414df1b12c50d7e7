import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/** docs/reference/errors.md lists exactly these codes; a test compares the two. */
export const RULES = {
  BadUsage: { retryable: false, next: 'see `tombolo --help`' },
  BadFlag: { retryable: false, next: 'correct the flag' },
  ConfirmationNeeded: { retryable: false, next: 'run it in a terminal, or add --yes' },
  Declined: { retryable: false, next: 'nothing was changed' },
  TimedOut: { retryable: true, next: 'run the same command again: it goes on from there' },
  Interrupted: { retryable: true, next: 'run the same command again: it goes on from there' },
  NoKubeconfig: { retryable: false, next: 'name one with --kubeconfig or $KUBECONFIG' },
  UnknownContext: { retryable: false, next: 'choose one of `kubectl config get-contexts`' },
  ApiUnreachable: { retryable: true, next: 'check the address in the kubeconfig, and that the cluster runs' },
  CredentialRefused: { retryable: false, next: 'log in again, or choose another context' },
  NotInstalled: { retryable: false, next: 'run `tombolo install` there' },
  UnknownPeer: { retryable: false, next: 'see `tombolo status`' },
  UnknownCluster: {
    retryable: false,
    next: 'see `tombolo discover`, or give the token that `tombolo invite` printed there',
  },
  UnknownRequest: { retryable: false, next: 'see `tombolo requests`' },
  AmbiguousName: { retryable: false, next: 'give the fingerprint in place of the name' },
  UnknownInvite: { retryable: false, next: 'see `tombolo invite list`' },
  UnknownNamespace: { retryable: false, next: 'make it with `kubectl create namespace`' },
  NotOffloaded: { retryable: false, next: 'see `tombolo status`' },
  UnsupportedVersion: { retryable: false, next: 'update the cluster' },
  MissingRight: { retryable: false, next: 'install with an account that is bound to cluster-admin' },
  RangesOverlap: {
    retryable: false,
    next: 'give the right ones with --pod-range, --service-range, --node-range and --anchor-range',
  },
  PodsOutsideRanges: { retryable: false, next: 'give every range that pods have addresses of with --pod-range' },
  LocalAddress: { retryable: false, next: 'give an address that the other clusters reach' },
  HelmMissing: { retryable: false, next: 'install Helm 3.14 or newer, or name it with $TOMBOLO_HELM' },
  HelmFailed: { retryable: true, next: 'correct what Helm says and run the command again' },
  ImageNotPullable: { retryable: false, next: 'load the image on the nodes, or name another with --image' },
  ProcessNotStarting: { retryable: true, next: 'see `kubectl -n tombolo-system get pods,events`' },
  StillInUse: { retryable: false, next: 'end them first' },
  Refused: { retryable: false, next: 'correct what the sentence names' },
  Failed: { retryable: true, next: 'run the command again' },
} as const satisfies Record<string, ErrorRule>;

export type CliErrorCode = keyof typeof RULES;

/** What a command of ours fails with; see `exitCodeOf` for how it ends the process. */
export class CliError extends CodedError<CliErrorCode> {
  constructor(code: CliErrorCode, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}

/** Exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, timedOut: 3, unhealthy: 4, interrupted: 130 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Exit code for an error by its code; anything that has none has failed. */
export function exitCodeOf(code: string): ExitCode {
  switch (code) {
    case 'BadUsage':
    case 'BadFlag':
    case 'ConfirmationNeeded':
      return EXIT.usage;
    case 'TimedOut':
      return EXIT.timedOut;
    case 'Interrupted':
      return EXIT.interrupted;
    default:
      return EXIT.failed;
  }
}
