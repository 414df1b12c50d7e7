import { pino } from 'pino';

/** Paths that could hold a secret if an object were logged by mistake. */
const REDACT = [
  '*.token',
  '*.secret',
  '*.key',
  '*.authorization',
  '*.data',
  'token',
  'secret',
  'authorization',
  'headers.authorization',
];

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** JSON lines on stdout, one logger per process; children per component and peer. */
export function createLogger(options: { name: string; level: LogLevel }) {
  return pino({
    name: options.name,
    level: options.level,
    base: { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACT, censor: '[redacted]' },
  });
}
