import { expect, test } from 'vitest';
import type { KubeClient } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { leaderLabel } from './leader-label.ts';

/** A border double: remembers the label, and can be away. */
function pod() {
  const state = { label: 'true' as string | null, isAway: false };
  const client = {
    async patch(_resource: unknown, _ref: unknown, body: { metadata: { labels: Record<string, string | null> } }) {
      if (state.isAway) throw new Error('connection refused');
      state.label = Object.values(body.metadata.labels)[0] ?? null;
      return {};
    },
  } as unknown as KubeClient;
  return { state, client };
}

test('a term that ends while the API server is away loses its label when it is back', async () => {
  const { state, client } = pod();
  const clock = fakeClock();
  const stop = new AbortController();
  const label = leaderLabel({ client, namespace: 'tombolo-system', podName: 'a', clock, log: silentLog });
  const running = label.run(stop.signal);
  await clock.advance(0);
  expect(state.label).toBe(null); // what an earlier container of this pod had left
  label.set(true);
  await clock.advance(0);
  expect(state.label).toBe('true');
  state.isAway = true;
  label.set(false);
  await clock.advance(30_000);
  expect(state.label).toBe('true');
  state.isAway = false;
  await clock.advance(5_000);
  expect(state.label).toBe(null);
  label.set(true);
  await clock.advance(0);
  stop.abort();
  await running;
  expect(state.label).toBe(null);
});
