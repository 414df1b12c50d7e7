import { describe, expect, test } from 'vitest';
import { fakeClock } from '#pkg/runtime';
import { type HealthState, healthState, type ProbeResult } from './health-state.ts';
import { watchHealth } from './watch-health.ts';

const HEALTHY = { ok: true, reason: 'ProviderReady', message: 'answers' };
const UNKNOWN = { ok: false, reason: 'Starting', message: 'not asked yet' };
const LOST: ProbeResult = { ok: false, reason: 'ProviderUnreachable', message: 'no answer within 3 s' };
const PROBE_TIMEOUT_MS = 3_000;

function state(wasReady = true): HealthState {
  return healthState({ wasReady, startMs: 0, healthy: HEALTHY, unknown: UNKNOWN });
}

/**
 * Runs the probes against a provider that hangs in some spans of time, and notes when the verdict changes. A probe that
 * starts in such a span hangs until its time-out, as on a link that drops packets.
 */
async function simulate(options: {
  wasReady?: boolean;
  offsetMs?: number;
  hangs: [number, number][];
  untilMs: number;
}) {
  const clock = fakeClock();
  const health = state(options.wasReady);
  const changes: { atMs: number; ok: boolean }[] = [];
  const stop = new AbortController();
  await clock.advance(options.offsetMs ?? 0);
  const isLost = () => options.hangs.some(([from, to]) => clock.now() >= from && clock.now() < to);
  const watching = watchHealth(
    {
      clock,
      state: health,
      changed: () => changes.push({ atMs: clock.now(), ok: health.verdict.ok }),
      async probe(signal) {
        if (!isLost()) return { ok: true };
        await clock.sleep(PROBE_TIMEOUT_MS, signal);
        return LOST;
      },
    },
    stop.signal,
  );
  await clock.advance(options.untilMs);
  stop.abort();
  await watching.catch(() => undefined);
  return changes;
}

describe('health of a provider', () => {
  test('a loss shows within 20 s, whenever it begins', async () => {
    for (let from = 10_000; from < 12_000; from += 250) {
      const changes = await simulate({ hangs: [[from, 60_000]], untilMs: 50_000 });
      expect(changes).toHaveLength(1);
      expect(changes[0]?.atMs).toBeLessThanOrEqual(from + 17_000);
    }
  });

  test('an interruption of 8 s never shows, whenever it begins', async () => {
    for (let from = 10_000; from < 12_000; from += 250) {
      expect(await simulate({ hangs: [[from, from + 8_000]], untilMs: 50_000 })).toEqual([]);
    }
  });

  test('a recovery shows within 5 s', async () => {
    for (let to = 40_000; to < 42_000; to += 250) {
      const changes = await simulate({ hangs: [[10_000, to]], untilMs: 60_000 });
      expect(changes.map(({ ok }) => ok)).toEqual([false, true]);
      expect(changes[1]?.atMs).toBeLessThanOrEqual(to + 3_000);
    }
  });

  test('a new node is not ready until the provider has answered, and says at once why it does not', async () => {
    const changes = await simulate({ wasReady: false, hangs: [], untilMs: 1_000 });
    expect(changes).toEqual([{ atMs: 0, ok: true }]);
    const away = state(false);
    expect(away.verdict.reason).toBe('Starting');
    expect(away.observe(LOST, 3_000)).toBe(true);
    expect(away.verdict.reason).toBe('ProviderUnreachable');
  });

  test('a hand-over of a ready node changes nothing, also when its first probes fail', () => {
    const taken = state(true);
    expect(taken.observe(LOST, 3_000)).toBe(false);
    expect(taken.observe({ ok: true }, 5_000)).toBe(false);
    expect(taken.verdict).toBe(HEALTHY);
  });

  test('while it stays lost the sentence changes only with the reason', () => {
    const health = state(false);
    health.observe(LOST, 1_000);
    expect(health.observe({ ...LOST, message: 'ECONNREFUSED' }, 2_000)).toBe(false);
    const refused: ProbeResult = { ok: false, reason: 'CredentialRefused', message: 'HTTP 401' };
    expect(health.observe(refused, 3_000)).toBe(true);
    expect(health.verdict).toEqual({ ok: false, reason: 'CredentialRefused', message: 'HTTP 401' });
  });
});
