import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { fakeClock } from './clock.ts';
import { silentLog } from './log.ts';
import { runtimeMetrics } from './metrics.ts';
import { createQueue } from './queue.ts';
import { done, runReconciler } from './reconciler.ts';

/** Samples without help, types and buckets. */
async function samples(registry: Registry): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket'));
}

test('a queue and its loop count under the names that dashboards know, and leave no series behind', async () => {
  const registry = new Registry();
  const metrics = await runtimeMetrics(registry);
  const clock = fakeClock();
  const stop = new AbortController();
  const queue = createQueue({ name: 'grant', clock, random: () => 0, observer: metrics.queue('grant') });
  let isBroken = true;
  const reconcile = async (_key: string, signal: AbortSignal) => {
    await clock.sleep(100, signal);
    if (isBroken) throw new Error('503');
    return done;
  };
  const loop = runReconciler(
    { name: 'grant', reconcile },
    { queue, signal: stop.signal, log: silentLog, clock, observer: metrics.reconciler('grant') },
  );
  queue.add('milan');
  queue.add('rome');
  await clock.advance(100);
  isBroken = false;
  await clock.advance(10_000);
  queue.add('waits');
  queue.add('waits too');
  await clock.advance(0);
  expect(await samples(registry)).toEqual([
    'workqueue_depth{name="grant"} 1',
    'workqueue_adds_total{name="grant"} 5',
    'workqueue_retries_total{name="grant"} 1',
    'workqueue_queue_duration_seconds_sum{name="grant"} 0.195',
    'workqueue_queue_duration_seconds_count{name="grant"} 4',
    'workqueue_work_duration_seconds_sum{name="grant"} 0.30000000000000004',
    'workqueue_work_duration_seconds_count{name="grant"} 3',
    'controller_runtime_reconcile_total{controller="grant",result="error"} 1',
    'controller_runtime_reconcile_total{controller="grant",result="success"} 2',
    'controller_runtime_reconcile_errors_total{controller="grant"} 1',
    'controller_runtime_reconcile_time_seconds_sum{controller="grant"} 0.30000000000000004',
    'controller_runtime_reconcile_time_seconds_count{controller="grant"} 3',
  ]);

  stop.abort();
  await loop;
  queue[Symbol.dispose]();
  expect(await samples(registry)).toEqual([]);
});

test('series of a name stay as long as one of its users is there', async () => {
  const registry = new Registry();
  const metrics = await runtimeMetrics(registry);
  const first = metrics.queue('pod');
  const second = metrics.queue('pod');
  first.closed?.();
  second.depth(3);
  expect(await samples(registry)).toEqual(['workqueue_depth{name="pod"} 3']);
  second.closed?.();
  expect(await samples(registry)).toEqual([]);
});
