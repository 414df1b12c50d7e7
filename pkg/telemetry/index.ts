/**
 * Logger, metric registry and health endpoint of a process.
 *
 * Built once in `cmd/<process>` and handed down; nothing here is process-wide, and nothing reads the environment.
 */
export { type HealthOptions, serveHealth } from './health-server.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { createRegistry } from './registry.ts';
