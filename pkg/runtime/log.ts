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

/**
 * Fields of a log line about something that was thrown. An error with a code explains itself; any other is a defect or
 * comes from a library, and then the stack is what helps.
 */
export function errorFields(error: unknown): { error: string; code?: string; stack?: string } {
  const fields = { error: messageOf(error) };
  if (isCodedError(error)) return { ...fields, code: error.code };
  return error instanceof Error && error.stack !== undefined ? { ...fields, stack: error.stack } : fields;
}
