import { patient } from './patience.ts';

/**
 * Waits until `probe` returns something other than undefined or false.
 * @param what sentence for the failure
 * @param deadlineMs default 20 s; the bounds of the behaviour pages times what a busy machine needs; `patient`ly
 * @throws the last error of the probe, or a sentence that names what was waited for and what was seen last
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = 20_000,
): Promise<T> {
  const start = performance.now();
  const end = start + patient(deadlineMs);
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end)
      throw new Error(`${what}: not within ${patient(deadlineMs) / 1000} s`, { cause: last });
    await new Promise((next) => setTimeout(next, pauseAfter(performance.now() - start)));
  }
}

/** What takes long is looked at less often: looks of two lanes of tests would take a good part of a small machine. */
function pauseAfter(waitedMs: number): number {
  return Math.min(1_000, Math.max(200, waitedMs / 10));
}
