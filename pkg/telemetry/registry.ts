import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * A registry of its own per process (never prom-client's shared one), with metrics of CPU, memory, garbage collection and
 * event loop. To be called once per process: what observes the event loop stays until its end.
 */
export function createRegistry(): Registry {
  const registry = new Registry();
  // The default of 10 ms wakes an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  return registry;
}
