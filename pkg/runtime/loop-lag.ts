import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Each look wakes the process: at 20 ms that was most of what an idle process cost. Stalls that matter are longer. */
const RESOLUTION_MS = 250;

/**
 * Longest stall of the event loop since the last look. Leases, probes and webhooks share the loop: a long stall is an
 * outage.
 */
export interface LoopLag extends Disposable {
  /** Milliseconds, at least the resolution of 250; looking resets it, and a stall that begins within 250 ms after a look is missed. */
  maxMs(): number;
}

export function loopLag(): LoopLag {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    maxMs() {
      const max = histogram.max / 1e6;
      histogram.reset();
      return max;
    },
    [Symbol.dispose]: () => void histogram.disable(),
  };
}
