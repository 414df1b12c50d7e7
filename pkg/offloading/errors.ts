import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/** docs/reference/errors.md lists exactly these codes. */
export const OFFLOADING_ERRORS = {
  EvictionRefused: { retryable: true, next: 'see the message of the API server; tried again by itself' },
  WebhookPortTaken: { retryable: false, next: 'free that port, or choose another one' },
} as const satisfies Record<string, ErrorRule>;

/** Anything that goes wrong around offloaded namespaces and their webhooks. */
export class OffloadingError extends CodedError<keyof typeof OFFLOADING_ERRORS> {
  constructor(code: keyof typeof OFFLOADING_ERRORS, facts: ErrorFacts, options?: ErrorOptions) {
    super(OFFLOADING_ERRORS, code, facts, options);
  }
}
