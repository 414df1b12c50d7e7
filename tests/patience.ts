import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `TOMBOLO_PATIENCE` is by how much tests wait longer than on a machine that has room: `npm test` sets it to what it finds.
 * @param ms what bounds a test from outside, never what a test measures
 * @returns that on this machine, in whole milliseconds, which time limits of child processes ask for
 */
export function patient(ms: number): number {
  return Math.round(ms * patience());
}

/** Whether clusters and tests find the machine free when they need it, so that nothing stalls without a cause. */
export function hasRoom(): boolean {
  return patience() === 1;
}

function patience(): number {
  return Math.max(1, Number(process.env['TOMBOLO_PATIENCE'] ?? 1));
}

/** Share of all cores, 0 to 1, that is in use from now on for so long. */
export async function busyShare(forMs: number): Promise<number> {
  const before = used();
  await sleep(forMs);
  const after = used();
  return (after.busy - before.busy) / (after.all - before.all);
}

function used(): { busy: number; all: number } {
  const times = cpus().map(({ times: { user, nice, sys, irq, idle } }) => ({ busy: user + nice + sys + irq, idle }));
  const busy = times.reduce((sum, one) => sum + one.busy, 0);
  return { busy, all: times.reduce((sum, { idle }) => sum + idle, busy) };
}
