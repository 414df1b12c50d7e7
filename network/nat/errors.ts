import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/** docs/reference/errors.md lists exactly these codes. */
const RULES = {
  NatStateInvalid: { retryable: false, next: 'correct the range, address or name that the message quotes' },
  NatTableRefused: {
    retryable: true,
    next: 'run `nft list ruleset` on that host; nothing was changed by this attempt',
  },
  NatToolFailed: { retryable: true, next: 'look whether nft and conntrack run there as root' },
} as const satisfies Record<string, ErrorRule>;

/** Anything that goes wrong around the packet rules of gateway and agent. */
export class NatError extends CodedError<keyof typeof RULES> {
  constructor(code: keyof typeof RULES, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}
