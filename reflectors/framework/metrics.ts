import { Counter, type Registry } from 'prom-client';

export interface ReflectionMetrics {
  /** A twin object was created, applied or deleted. */
  wrote(peer: string, kind: string, verb: string): void;
  failed(peer: string, kind: string): void;
  /** A peer that is gone leaves no series behind. */
  forget(peer: string): void;
}

/** Metrics of reflection. Labels: `peer`, `kind` and `verb`, so a handful of series per peer and kind. */
export function reflectionMetrics(registry: Registry): ReflectionMetrics {
  const writes = new Counter({
    name: 'tombolo_reflection_writes_total',
    help: 'Writes of twin objects that succeeded',
    labelNames: ['peer', 'kind', 'verb'] as const,
    registers: [registry],
  });
  const failures = new Counter({
    name: 'tombolo_reflection_failures_total',
    help: 'Attempts to copy an object that failed',
    labelNames: ['peer', 'kind'] as const,
    registers: [registry],
  });
  const seen = new Set<string>();
  return {
    wrote(peer, kind, verb) {
      seen.add(kind);
      writes.inc({ peer, kind, verb });
    },
    failed(peer, kind) {
      seen.add(kind);
      failures.inc({ peer, kind });
    },
    forget(peer) {
      for (const kind of seen) {
        for (const verb of ['create', 'apply', 'replace', 'delete']) writes.remove({ peer, kind, verb });
        failures.remove({ peer, kind });
      }
    },
  };
}

/** Counts nothing. */
export const noReflectionMetrics: ReflectionMetrics = { wrote() {}, failed() {}, forget() {} };
