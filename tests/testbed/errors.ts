import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

const RULES = {
  BadFlag: { retryable: false, next: 'run it with --help to see what it takes' },
  UnknownTarget: { retryable: false, next: 'run `status` to see what there is' },
  MissingPrerequisite: { retryable: false, next: 'provide it, then run the same command again' },
  Conflict: { retryable: false, next: 'run `down` first' },
  StepFailed: { retryable: true, next: 'run the same command again' },
  NotReady: { retryable: true, next: 'run `up` again, it continues where it stopped' },
} as const satisfies Record<string, ErrorRule>;

export type TestbedErrorCode = keyof typeof RULES;

/** What a bed cannot do. Every message tells what was attempted, where, why it failed and what to do next. */
export class TestbedError extends CodedError<TestbedErrorCode> {
  constructor(code: TestbedErrorCode, facts: ErrorFacts, options?: ErrorOptions) {
    super(RULES, code, facts, options);
  }
}
