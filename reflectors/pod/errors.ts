import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

const RULES = {
  ProviderUnreachable: { retryable: true, next: 'check the peer with `tombolo status`' },
  NameTaken: { retryable: true, next: 'remove or rename the object that has the name' },
  TokenNotGiven: { retryable: true, next: 'check the API server of this cluster' },
  Outdated: { retryable: true, next: 'nothing, it is looked at again' },
} as const satisfies Record<string, ErrorRule>;

/** What goes wrong on the way of a pod to its provider. What keeps a single pod from running is a `Refusal` instead. */
export class PodError extends CodedError<keyof typeof RULES> {
  constructor(code: keyof typeof RULES, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}
