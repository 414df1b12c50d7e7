import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

const RULES = {
  NameTaken: { retryable: true, next: 'rename one of the two; it is copied as soon as the name is free' },
  CacheBehind: { retryable: true, next: 'nothing, it is looked at again' },
} as const satisfies Record<string, ErrorRule>;

/** What goes wrong while an object is copied to its twin namespace. */
export class ReflectionError extends CodedError<keyof typeof RULES> {
  constructor(code: keyof typeof RULES, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}
