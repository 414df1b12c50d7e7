import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

const RULES = {
  NotAnInvite: { retryable: false, next: 'copy the whole line that `tombolo invite` printed' },
  InviteTruncated: {
    retryable: false,
    next: 'copy the whole line that `tombolo invite` printed, to its last character',
  },
  InviteAltered: { retryable: false, next: 'copy the token again, unchanged, from where `tombolo invite` printed it' },
  InviteVersion: { retryable: false, next: 'use the same minor version of tombolo on both clusters' },
  InviteExpired: { retryable: false, next: 'run `tombolo invite` again on the other cluster' },
  InviteUsed: {
    retryable: false,
    next: 'run `tombolo invite` again on the other cluster: a token is for one cluster only',
  },
  InviteUnknown: { retryable: false, next: 'run `tombolo invite` again on the other cluster' },
  InvalidPeerName: {
    retryable: false,
    next: 'use a DNS label of at most 48 characters: a-z, 0-9 and - (choose with --name)',
  },
  NameTaken: { retryable: false, next: 'choose another name with --name' },
  OwnCluster: {
    retryable: false,
    next: 'use the token on another cluster, or give this one another name with --name to try',
  },
  PeeredAs: { retryable: false, next: 'use that name, or `tombolo unpeer` it first' },
  RolesNotAsked: { retryable: false, next: 'name at least one role: Consume or Provide' },
  NotInstalled: { retryable: false, next: 'run `tombolo install` on that cluster' },
  NoAddress: { retryable: false, next: 'set the chart value peering.addresses, or name addresses with --address' },
  UnknownPeer: { retryable: false, next: 'see `tombolo status` for the peers of this cluster' },
  IdentityDamaged: { retryable: false, next: 'restore the Secret, or delete it and peer again with every cluster' },
  IdentityChanged: {
    retryable: false,
    next: 'compare fingerprints on both sides; if the other cluster was made anew: `tombolo unpeer --force` and a new invite',
  },
  NotPeered: {
    retryable: false,
    next: 'the other cluster ended this peering: `tombolo unpeer --force` cleans this side',
  },
  NotLent: { retryable: false, next: 'run `tombolo invite` there and `tombolo peer` here' },
  PeerUnreachable: {
    retryable: true,
    next: 'open that port, or see that the other cluster runs; tried again by itself',
  },
  ApiUnreachable: {
    retryable: true,
    next: 'see that the API server there runs and can be dialled; tried again by itself',
  },
  CredentialRefused: { retryable: true, next: 'a new credential is asked for by itself' },
  PeerBusy: { retryable: true, next: 'tried again by itself' },
  PeerEnding: { retryable: true, next: 'wait until `tombolo status` shows that it is gone, then run this again' },
  RequestRejected: { retryable: false, next: 'speak with the people of that cluster: they can still accept it' },
  RequestExpired: { retryable: false, next: 'run `tombolo peer` again to ask anew' },
  TooManyRequests: { retryable: true, next: 'tried again by itself; there, `tombolo reject --all` makes room' },
  FingerprintDiffers: {
    retryable: false,
    next: 'ask the people of that cluster for the fingerprint that `tombolo status` prints there, and have the record corrected',
  },
  TooManyTries: { retryable: true, next: 'wait a minute' },
  NamespaceTaken: { retryable: false, next: 'rename or remove that namespace on the provider' },
  UnexpectedAnswer: { retryable: true, next: 'compare `tombolo version` on both clusters' },
} as const satisfies Record<string, ErrorRule>;

/** Also the reasons of conditions, and the codes that travel in answers of the peering API. */
export type PeeringCode = keyof typeof RULES;

/** Anything that goes wrong between two clusters that peer. `retryable` is false where trying again cannot help. */
export class PeeringError extends CodedError<PeeringCode> {
  constructor(code: PeeringCode, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}

/** Whether `error` is a PeeringError, and of that code if one is given. */
export function isPeeringError(error: unknown, code?: PeeringCode): error is PeeringError {
  return error instanceof PeeringError && (code === undefined || error.code === code);
}

/** Whether `text` is a code of this package; codes of newer versions are not. */
export function isPeeringCode(text: string): text is PeeringCode {
  return Object.hasOwn(RULES, text);
}
