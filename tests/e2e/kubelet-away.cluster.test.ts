/** Apart from node.cluster.test.ts, because it takes two minutes and leaves no room for anything else on the node meanwhile. */
import { expect } from 'vitest';
import { patient } from '../patience.ts';
import { type Json, type TestCluster, until } from './bed.ts';
import { condition, type Offloaded, remotePod, script, sleeper, test } from './fixtures.ts';

const KUBELET = '-n tombolo-system scale deployment tombolo-kubelet --replicas';
const AWAY_MS = 120_000;

/** The remote pods of `shop` as `uid of the pod here, uid there, restarts there`, sorted. */
async function remotePods(rome: TestCluster, shop: Offloaded): Promise<string[]> {
  const list = await rome.json(['-n', shop.twin, 'get', 'pods', '-l', 'tombolo.io/pod-uid']);
  return list['items']
    .map((pod: Json) =>
      [
        pod['metadata'].labels['tombolo.io/pod-uid'],
        pod['metadata'].uid,
        pod['status'].containerStatuses?.[0]?.restartCount,
      ].join(' '),
    )
    .sort();
}

test('NODE-21 all kubelet replicas stopped for two minutes: Unknown, Ready after the start, no pod restarts', {
  timeout: patient(360_000),
}, async ({ milan, rome, shop }) => {
  await shop.create(
    remotePod('always', { containers: [sleeper()] }),
    remotePod('once', { restartPolicy: 'Never', containers: [script('sleep 60; exit 0')] }),
  );
  const uid = (await shop.podInPhase('always', 'Running'))['metadata'].uid;
  await shop.podInPhase('once', 'Running');
  const before = await remotePods(rome, shop);
  expect(before).toHaveLength(2);
  const replicas = (await milan.json('-n tombolo-system get deployment tombolo-kubelet'))['spec'].replicas;
  await milan.kubectl(`${KUBELET} 0`);
  try {
    const stopped = performance.now();
    await until(
      'node rome is Unknown',
      async () => condition(await milan.find('get node rome'), 'Ready')?.['status'] === 'Unknown',
      AWAY_MS - 10_000,
    );
    await new Promise((next) => setTimeout(next, AWAY_MS - (performance.now() - stopped)));
    expect(await remotePods(rome, shop)).toEqual(before);
  } finally {
    await milan.kubectl(`${KUBELET} ${replicas}`);
  }
  // From the start of a process on: the scheduler and the machine have their own share of a start.
  await until(
    'a kubelet replica runs',
    async () => {
      const list = await milan.json('-n tombolo-system get pods -l tombolo.io/component=kubelet');
      return list['items'].some(
        (pod: Json) =>
          pod['metadata'].deletionTimestamp === undefined &&
          pod['status'].containerStatuses?.[0]?.state.running !== undefined,
      );
    },
    60_000,
  );
  await until(
    'node rome is Ready',
    async () => condition(await milan.find('get node rome'), 'Ready')?.['status'] === 'True',
    15_000,
  );
  await shop.podInPhase('once', 'Succeeded');
  expect((await shop.podInPhase('always', 'Running'))['metadata'].uid).toBe(uid);
  expect(await remotePods(rome, shop)).toEqual(before);
  await milan.kubectl('-n tombolo-system rollout status deployment/tombolo-kubelet --timeout=90s', {
    timeoutMs: 100_000,
  });
});
