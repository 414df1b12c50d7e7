import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/** docs/reference/errors.md lists exactly these codes. */
const RULES = {
  OverlayLinkForeign: { retryable: true, next: 'remove or rename that link, or choose another overlay device name' },
  OverlayPortTaken: { retryable: true, next: 'choose another overlay port for the whole cluster' },
  OverlayRouteForeign: {
    retryable: true,
    next: 'remove that route, or let the peer have another alias (aliasPools, reservedRanges)',
  },
  OverlayForwardingOff: { retryable: true, next: 'switch forwarding on; every node of a cluster needs it' },
  OverlaySysctlRefused: { retryable: true, next: 'run it privileged, or set that sysctl from outside' },
  OverlayStateInvalid: { retryable: false, next: 'correct the value that the message quotes' },
  OverlayToolFailed: { retryable: true, next: 'look at the line that ip or bridge names; it is tried again by itself' },
} as const satisfies Record<string, ErrorRule>;

/** Anything that goes wrong around links, neighbours and routes of the overlay. */
export class OverlayError extends CodedError<keyof typeof RULES> {
  constructor(code: keyof typeof RULES, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}
