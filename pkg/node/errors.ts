import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/** docs/reference/errors.md lists exactly these codes. Each is also the reason of the condition that it ends in. */
export const NODE_ERRORS = {
  NodeNameTaken: {
    retryable: false,
    next: 'delete the VirtualNode and make one under a name that no Node of this cluster has',
  },
  ProviderUnreachable: { retryable: true, next: 'see `tombolo status` for the state of that peer' },
  ProviderFailing: { retryable: true, next: 'look at the API server of that peer' },
  CredentialRefused: { retryable: true, next: 'see the Peer: its credential is renewed by itself, or peer again' },
  CertificateNotIssued: {
    retryable: true,
    next: 'look at the CertificateSigningRequest: the Tombolo controller approves it and the signer signs it',
  },
  NoFreePort: { retryable: true, next: 'free a port of that range or give the kubelet another base port' },
} as const satisfies Record<string, ErrorRule>;

/** Anything that goes wrong around a virtual node: its object, its provider, its kubelet endpoint. */
export class NodeError extends CodedError<keyof typeof NODE_ERRORS> {
  constructor(code: keyof typeof NODE_ERRORS, facts: ErrorFacts, options?: ErrorOptions) {
    super(NODE_ERRORS, code, facts, options);
  }
}
