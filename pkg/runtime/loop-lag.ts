import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Longest stall of the event loop since the last look. Leases, probes and webhooks share the loop: a long stall is an
 * outage.
 */
export interface LoopLag extends Disposable {
  /** Milliseconds, at least the resolution of 20; looking resets it, and a stall that begins within 20 ms after a look is missed. */
  maxMs(): number;
}

export function loopLag(): LoopLag {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
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
