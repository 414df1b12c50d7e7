/** Text that is no address or range. `why` completes a sentence about the text. */
export class CidrSyntaxError extends Error {
  override readonly name = 'CidrSyntaxError';
  readonly why: string;

  constructor(text: string, why: string) {
    super(`"${text.slice(0, 80)}" cannot be used as an address range: ${why}`);
    this.why = why;
  }
}
