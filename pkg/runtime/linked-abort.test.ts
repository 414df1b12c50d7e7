import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { LinkedAbort } from './linked-abort.ts';

test('aborts with its parent, and alone', () => {
  const parent = new AbortController();
  using first = new LinkedAbort(parent.signal);
  using second = new LinkedAbort(parent.signal);
  first.abort(new Error('no longer wanted'));
  expect([first.signal.aborted, second.signal.aborted, parent.signal.aborted]).toEqual([true, false, false]);
  parent.abort(new Error('SIGTERM'));
  expect(second.signal.reason).toMatchObject({ message: 'SIGTERM' });
  expect(first.signal.reason).toMatchObject({ message: 'no longer wanted' });
  expect(new LinkedAbort(parent.signal).signal.aborted).toBe(true);
});

test('thousands of children leave nothing on a parent that lives on', () => {
  const parent = new AbortController();
  for (let i = 0; i < 1_000; i++) {
    using child = new LinkedAbort(parent.signal);
    if (i % 2 === 0) child.abort(new Error('over'));
  }
  expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
});
