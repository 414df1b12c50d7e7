/** What is the same for every error of one code. */
export interface ErrorRule {
  /** False where trying again cannot help until something changes. */
  readonly retryable: boolean;
  /** What the reader can do; part of the message unless the facts say something more exact. */
  readonly next: string;
}

/** The four parts of every message (CLI-06). Never holds a secret, token or key. */
export interface ErrorFacts {
  readonly attempted: string;
  /** Cluster, object, address, port or protocol. */
  readonly where: string;
  readonly why: string;
  readonly next?: string;
}

/**
 * An error with a code from a catalogue of its package. The code is CamelCase and is also the condition reason and the
 * `code` in the CLI's JSON: one vocabulary from the socket to the user.
 */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly attempted: string;
  readonly where: string;
  readonly why: string;
  readonly next: string;
  readonly retryable: boolean;

  constructor(rules: Readonly<Record<Code, ErrorRule>>, code: Code, facts: ErrorFacts, options?: ErrorOptions) {
    const next = facts.next ?? rules[code].next;
    super(`${facts.attempted}: ${facts.where}: ${facts.why}; ${next}`, options);
    this.name = new.target.name;
    this.code = code;
    this.attempted = facts.attempted;
    this.where = facts.where;
    this.why = facts.why;
    this.next = next;
    this.retryable = rules[code].retryable;
  }

  toJSON(): { code: Code } & Required<ErrorFacts> {
    return { code: this.code, attempted: this.attempted, where: this.where, why: this.why, next: this.next };
  }
}

export function isCodedError(error: unknown): error is CodedError {
  return error instanceof CodedError;
}

/** What a log line or a condition says of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
