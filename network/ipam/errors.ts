import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/**
 * docs/reference/errors.md lists exactly these codes. Decisions hand them back as values, one per range or node, since one
 * that fails leaves the others as they are.
 */
export const IPAM_ERRORS = {
  RangeNotValid: { retryable: false, next: 'correct the range on the cluster that announces it' },
  RangeForbidden: { retryable: false, next: 'announce only ranges of pods, nodes or anchors' },
  RangeTooLarge: { retryable: false, next: 'announce the ranges in use instead of one that holds them' },
  RangeNotPrivate: {
    retryable: false,
    next: 'let the admin of this cluster consent to that range, or use a private one',
  },
  RangeOverlapping: { retryable: false, next: 'announce each address in one range only' },
  TooManyRanges: { retryable: false, next: 'announce fewer or smaller ranges' },
  NoFreeRange: { retryable: true, next: 'add a pool, or remove a peer' },
  RangeTooSmall: { retryable: false, next: 'give an anchor range of /20 for IPv4, or /64 for IPv6' },
  NoFreeAnchor: { retryable: true, next: 'remove nodes; the size of the anchor range is chosen at install' },
} as const satisfies Record<string, ErrorRule>;

/** Why a range is refused, or got no alias, or a node no anchor. */
export class IpamError extends CodedError<keyof typeof IPAM_ERRORS> {
  constructor(code: keyof typeof IPAM_ERRORS, facts: ErrorFacts, options?: ErrorOptions) {
    super(IPAM_ERRORS, code, facts, options);
  }
}
