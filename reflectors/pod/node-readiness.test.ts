import { expect, test } from 'vitest';
import { fakeClock } from '#pkg/runtime';
import { nodeReadiness } from './node-readiness.ts';
import type { PodReflectorDeps } from './pod-deps.ts';

function build() {
  const clock = fakeClock();
  const node = { isReady: false, handlers: new Set<() => void>() };
  const deps = {
    clock,
    isReady: () => node.isReady,
    onReadyChange(handler: () => void) {
      node.handlers.add(handler);
      return { [Symbol.dispose]: () => void node.handlers.delete(handler) };
    },
  } as unknown as PodReflectorDeps;
  const readiness = nodeReadiness(deps);
  const seen: (boolean | undefined)[] = [];
  const following = readiness.follow(() => seen.push(readiness.nodeIsReady()));
  return { clock, node, readiness, seen, following };
}

test('a process that has just started does not call a node not ready that was not probed yet', async () => {
  const { clock, node, readiness, seen } = build();
  expect(readiness.nodeIsReady()).toBeUndefined();
  await clock.advance(5_000);
  node.isReady = true;
  for (const handler of node.handlers) handler();
  node.isReady = false;
  for (const handler of node.handlers) handler();
  expect(seen).toEqual([true, false]);
});

test('a node that nobody finds ready is not ready after 20 s', async () => {
  const { clock, seen, following } = build();
  await clock.advance(20_000);
  expect(seen).toEqual([false]);
  following[Symbol.dispose]();
});
