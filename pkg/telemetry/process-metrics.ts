import { collectDefaultMetrics, Registry } from 'prom-client';

/** A registry of its own per process (never prom-client's shared one), with CPU, memory and event-loop metrics. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}
