import { isCodedError } from '#pkg/runtime';

/** The four parts of an error (CLI-06), and its code. */
export interface ErrorParts {
  code: string;
  attempted: string;
  where: string;
  why: string;
  next: string;
}

/** Parts of any error; one without a code has failed in a way that nobody foresaw, and says what it knows. */
export function errorParts(error: unknown, attempted: string): ErrorParts {
  if (isCodedError(error)) {
    return { code: error.code, attempted: error.attempted, where: error.where, why: error.why, next: error.next };
  }
  const why = error instanceof Error ? error.message : String(error);
  return { code: 'Failed', attempted, where: 'tombolo', why, next: 'run the command again' };
}

/** One sentence for people, without a line break. */
export function errorSentence({ attempted, where, why, next }: ErrorParts): string {
  return `cannot ${attempted}: ${where}: ${why}; ${next}`.replace(/\s*\n\s*/g, ' ');
}
