/** Longest part of a refused text that a message repeats: it may come from a peer. */
const SHOWN = 64;

const NEXT = {
  BadAddress: 'write it like 10.0.0.1 or fd00::1',
  BadCidr: 'write it like 10.244.0.0/16 or fd00:1::/64',
  UnequalRanges: 'give ranges of one family and length, and an address inside',
} as const;

/**
 * A text that is no address or range, or ranges that do not fit each other. Not retryable. Has the parts of the project's
 * coded errors without their class, since this package imports nothing.
 */
export class CidrError extends Error {
  readonly code: keyof typeof NEXT;
  readonly retryable = false;
  readonly attempted = 'read an address or a range';
  /** The text, cut; JSON escapes line ends and other control characters, which would forge lines in a log. */
  readonly where: string;
  /** How the sentence about the text goes on: “has host bits set …”. */
  readonly why: string;
  readonly next: string;

  constructor(code: keyof typeof NEXT, text: string, why: string) {
    const where = JSON.stringify(text.slice(0, SHOWN));
    super(`${where} ${why}; ${NEXT[code]}`);
    this.name = 'CidrError';
    this.code = code;
    this.where = where;
    this.why = why;
    this.next = NEXT[code];
  }
}
