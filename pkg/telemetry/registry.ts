import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * A registry of its own per process (never prom-client's shared one), with metrics of CPU, memory, garbage collection and
 * event loop. To be called once per process: what observes the event loop stays until its end.
 */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
