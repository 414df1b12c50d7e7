import type { Clock } from '#pkg/runtime';
import type { HealthState, ProbeResult } from './health-state.ts';

const PROBE_PERIOD_MS = 2_000;
/** A probe lasts at most 3 s and one starts every 2 s. */
const MAX_PROBES = 2;

/**
 * Probes until `signal` aborts and tells `changed` of every new verdict. A probe starts every 2 s also while the one
 * before it still waits: a recovery is seen by a fresh connection, not by one that hangs.
 * @param options.probe turns every failure into a result; what it throws is a bug and ends the watch
 */
export async function watchHealth(
  options: {
    probe: (signal: AbortSignal) => Promise<ProbeResult>;
    state: HealthState;
    changed: () => void;
    clock: Clock;
  },
  signal: AbortSignal,
): Promise<void> {
  const { clock, state, changed } = options;
  const running = new Set<Promise<void>>();
  let bug: unknown;
  const probe = async () => {
    const result = await options.probe(signal);
    if (!signal.aborted && state.observe(result, clock.now())) changed();
  };
  while (!signal.aborted && bug === undefined) {
    if (running.size < MAX_PROBES) {
      const one: Promise<void> = probe()
        .catch((error: unknown) => {
          if (!signal.aborted) bug = error;
        })
        .finally(() => running.delete(one));
      running.add(one);
    }
    await clock.sleep(PROBE_PERIOD_MS, signal).catch(() => undefined); // ends only by the abort that the loop looks at
  }
  await Promise.all(running);
  if (bug !== undefined) throw bug;
}
