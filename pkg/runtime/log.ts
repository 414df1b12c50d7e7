import { isCodedError, messageOf } from './coded-error.ts';

/** Structured log, in pino's shape: fields first, then a sentence. Fields never hold secrets. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

/** Says nothing; for tests and for callers that do not care. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
};

/** Longer chains of causes do not exist; the bound is for one that ends in itself. */
const MAX_CAUSES = 8;

/**
 * Fields of a log line about something that was thrown: its message, the code of the first error with one in its chain of
 * causes. An error with a code explains itself; any other is a defect or comes from a library, and then the stack of the
 * innermost cause is what helps.
 */
export function errorFields(error: unknown): { error: string; code?: string; stack?: string } {
  const fields = { error: messageOf(error) };
  let innermost: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    if (isCodedError(innermost)) return { ...fields, code: innermost.code };
    if (!(innermost instanceof Error) || innermost.cause === undefined) break;
    innermost = innermost.cause;
  }
  return innermost instanceof Error && innermost.stack !== undefined ? { ...fields, stack: innermost.stack } : fields;
}
