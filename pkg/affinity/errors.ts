import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/** docs/reference/errors.md lists exactly these codes. */
export const AFFINITY_ERRORS = {
  AffinityUnsupported: {
    retryable: false,
    next: 'remove the annotation tombolo.io/service-affinity; until then it acts as none',
  },
  InvalidAffinity: {
    retryable: false,
    next: 'set tombolo.io/service-affinity to local, remote or none; until then it acts as none',
  },
} as const satisfies Record<string, ErrorRule>;

/** A preference that cannot be followed; an event on the Service tells it. */
export class AffinityError extends CodedError<keyof typeof AFFINITY_ERRORS> {
  constructor(code: keyof typeof AFFINITY_ERRORS, facts: ErrorFacts, options?: ErrorOptions) {
    super(AFFINITY_ERRORS, code, facts, options);
  }
}
