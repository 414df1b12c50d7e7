import { expect, test, vi } from 'vitest';
import { progress } from './progress.ts';
import { together } from './together.ts';

test('a step is one line when it ends, and one every 15 s while it runs', async () => {
  vi.useFakeTimers();
  try {
    const lines: string[] = [];
    const told = progress((line) => lines.push(line));
    const end = Promise.withResolvers<string>();
    const step = told.step('build kube', (note) => {
      note('812 packages');
      return end.promise;
    });
    await vi.advanceTimersByTimeAsync(31_000);
    end.resolve('done');
    expect(await step).toBe('done');
    expect(lines).toEqual([
      '  15.0 s  build kube … 15.0 s, 812 packages\n',
      '  30.0 s  build kube … 30.0 s, 812 packages\n',
      '  31.0 s  build kube (31.0 s)\n',
    ]);
  } finally {
    vi.useRealTimers();
  }
});

test('the first failure stops the others and is the one that is thrown', async () => {
  const ended: string[] = [];
  const run = together(['milan', 'rome'], new AbortController().signal, async (name, signal) => {
    if (name === 'rome') throw new Error('rome burns');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    ended.push(name);
    throw new Error('milan was stopped');
  });
  await expect(run).rejects.toThrow('rome burns');
  expect(ended).toEqual(['milan']);
});
