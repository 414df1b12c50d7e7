/** One namespace, offloaded to two providers, of which one refuses or is away. */
import { afterAll, expect } from 'vitest';
import { unpeer } from './apart.ts';
import { type Json, openBed, type TestCluster, until } from './bed.ts';
import { ensurePeered, remoteSet, sleeper, test } from './fixtures.ts';

afterAll(async () => {
  await unpeer(openBed().cluster('milan'), 'turin');
});

let serial = 0;
const fresh = (word: string) => `${word}-${process.pid.toString(36)}-${++serial}`;
const namespace = (name: string, labels: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const statusOf = async (milan: TestCluster, name: string): Promise<Json | undefined> =>
  (await milan.find(['-n', name, 'get', 'offloading', 'offloading']))?.['status'];
const stateAt = (status: Json | undefined, peer: string): Json | undefined =>
  status?.['peers']?.find((entry: Json) => entry['peer'] === peer);
const isThere = async (cluster: TestCluster, name: string) =>
  (await cluster.find(['get', 'namespace', name])) !== undefined;

test('REF-08 one of two peers refuses the twin: each has its sentence, the whole says SomeFailed, pods run on the other', async ({
  milan,
  rome,
  turin,
}) => {
  for (const provider of [rome, turin]) await ensurePeered(milan, provider);
  const name = fresh('partly');
  await turin.apply(namespace(`${name}-milan`, { owner: 'turin' }));
  await milan.apply(namespace(name, { 'tombolo.io/offload': 'true' }));
  try {
    const status = await until('one has accepted, and the whole says SomeFailed', async () => {
      const now = await statusOf(milan, name);
      return now?.['summary'] === 'SomeFailed' && stateAt(now, 'rome')?.['state'] === 'Accepted' && now;
    });
    expect(stateAt(status, 'rome')).toMatchObject({ twin: `${name}-milan` });
    expect(stateAt(status, 'turin')).toMatchObject({ state: 'Refused', reason: 'NameTaken' });
    expect(stateAt(status, 'turin')?.['message']).toContain(`${name}-milan`);
    expect(status['conditions'][0].message).toMatch(/^turin: /);
    await milan.apply({
      ...remoteSet('Deployment', 'web', 2, { containers: [sleeper()] }),
      metadata: { name: 'web', namespace: name },
    });
    await milan.kubectl(['-n', name, 'rollout', 'status', 'deployment/web', '--timeout=60s'], { timeoutMs: 70_000 });
    // The name is free: nothing is left to refuse.
    await turin.kubectl(['delete', 'namespace', `${name}-milan`]);
    await until('AllReady', async () => (await statusOf(milan, name))?.['summary'] === 'AllReady', 60_000);
    expect((await turin.json(['get', 'namespace', `${name}-milan`]))['metadata'].labels['tombolo.io/origin']).toBe(
      'milan',
    );
  } finally {
    await milan.try(['delete', 'namespace', name, '--wait=false']);
    await turin.try(['delete', 'namespace', `${name}-milan`, '--wait=false']);
  }
});

test('REF-13 a deleted namespace waits for its pods and not for a peer that is away, whose twin goes when it is back', async ({
  bed,
  milan,
  rome,
  turin,
}) => {
  for (const provider of [rome, turin]) await ensurePeered(milan, provider);
  const name = fresh('leaving');
  await milan.apply(namespace(name, { 'tombolo.io/offload': 'true' }));
  await until('twins', async () => (await statusOf(milan, name))?.['summary'] === 'AllReady', 30_000);
  await milan.apply(
    {
      ...remoteSet('Deployment', 'web', 1, { containers: [sleeper()] }),
      metadata: { name: 'web', namespace: name },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: name }, data: { a: '1' } },
  );
  await milan.kubectl(['-n', name, 'rollout', 'status', 'deployment/web', '--timeout=60s'], { timeoutMs: 70_000 });
  await until('the copy', () => turin.find(['-n', `${name}-milan`, 'get', 'configmap', 'settings']));
  await bed.control(['stop', 'turin', 'apiserver', '--kill']);
  try {
    await milan.kubectl(['delete', 'namespace', name, '--wait=false']);
    await until('gone at home', async () => !(await isThere(milan, name)), 40_000);
    await until('gone at the peer that is there', async () => !(await isThere(rome, `${name}-milan`)), 40_000);
  } finally {
    await bed.control(['start', 'turin', 'apiserver']);
  }
  await until('gone at the one that returned', async () => !(await isThere(turin, `${name}-milan`)), 90_000);
});
