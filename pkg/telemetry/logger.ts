import { type DestinationStream, type Logger as Pino, pino } from 'pino';
import { redact, redactText } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What the rest of the project expects of a log; in pino's shape: fields first, then a sentence. */
export interface Logger extends Record<LogLevel, (fields: object, message: string) => void> {
  child(fields: object): Logger;
}

export interface LoggerOptions {
  /** Name of the process, in every line. */
  readonly name: string;
  /** Least level that is written. */
  readonly level: LogLevel;
  /** Where lines go; default stdout, written at once, so that the last line before a crash is there. */
  readonly destination?: DestinationStream;
}

/**
 * JSON lines; children per component and peer. What looks like a secret or stands in a field that is named like one is
 * replaced, in fields, in fields of children and in the sentence.
 */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: (field: unknown) => field }, // errors are plain by then
  };
  return redacting(destination === undefined ? pino(options) : pino(options, destination));
}

/** In front of pino and not among its options: pino's formatters and serializers do not reach the fields of children. */
function redacting(target: Pino): Logger {
  const write = (level: LogLevel) => (fields: object, message: string) => {
    if (target.isLevelEnabled(level)) target[level](redact(fields), redactText(message));
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => redacting(target.child(redact(fields) as Record<string, unknown>)),
  };
}
