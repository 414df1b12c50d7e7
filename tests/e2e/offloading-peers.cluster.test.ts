/** One namespace at several providers, of which one refuses or is away; and one provider with several consumers. */
import { afterAll, expect } from 'vitest';
import { unpeer } from './apart.ts';
import { type Json, openBed, type TestCluster, until } from './bed.ts';
import { ensurePeered, offload, remotePod, remoteSet, script, sleeper, test } from './fixtures.ts';
import { patient } from '../patience.ts';

afterAll(async () => {
  await unpeer(openBed().cluster('milan'), 'turin');
  await unpeer(openBed().cluster('turin'), 'rome');
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

test('REF-08 one of three peers refuses the twin: each has its sentence, the whole says SomeFailed, pods run on the others', async ({
  milan,
  rome,
  turin,
}) => {
  for (const provider of [rome, turin]) await ensurePeered(milan, provider);
  // The third one is milan itself: one that stayed would be a peer of every namespace of the tests after this.
  await using _mirror = { [Symbol.asyncDispose]: () => unpeer(milan, 'mirror') };
  await ensurePeered(milan, { ...milan, name: 'mirror' });
  const name = fresh('partly');
  await turin.apply(namespace(`${name}-milan`, { owner: 'turin' }));
  await milan.apply(namespace(name, { 'tombolo.io/offload': 'true' }));
  try {
    const status = await until('two have accepted, and the whole says SomeFailed', async () => {
      const now = await statusOf(milan, name);
      const accepted = ['rome', 'mirror'].filter((peer) => stateAt(now, peer)?.['state'] === 'Accepted');
      return now?.['summary'] === 'SomeFailed' && accepted.length === 2 && now;
    });
    expect(stateAt(status, 'rome')).toMatchObject({ twin: `${name}-milan` });
    expect(stateAt(status, 'turin')).toMatchObject({ state: 'Refused', reason: 'NameTaken' });
    expect(stateAt(status, 'turin')?.['message']).toContain(`${name}-milan`);
    expect(status['conditions'][0].message).toMatch(/^turin: /);
    for (const peer of ['rome', 'mirror']) {
      const containers = [sleeper()];
      const set = remoteSet('Deployment', `at-${peer}`, 2, { containers, nodeSelector: { 'tombolo.io/peer': peer } });
      await milan.apply({ ...set, metadata: { name: `at-${peer}`, namespace: name } });
    }
    for (const peer of ['rome', 'mirror'])
      await milan.kubectl(['-n', name, 'rollout', 'status', `deployment/at-${peer}`, '--timeout=60s'], {
        timeoutMs: patient(70_000),
      });
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

test('POD-13 pods of one name from two consumers of one provider are never mixed: each its own copy, Secret, log and status', async ({
  milan,
  rome,
  turin,
}) => {
  const homes = [
    { home: milan, word: 'alpha', code: 3 },
    { home: turin, word: 'beta', code: 4 },
  ];
  const name = fresh('same');
  const spaces = [];
  try {
    for (const { home } of homes) {
      await ensurePeered(home, rome);
      spaces.push(await offload(home, rome, name));
    }
    expect(new Set(spaces.map(({ twin }) => twin)).size).toBe(2);
    for (const [index, { word, code }] of homes.entries()) {
      const env = [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'same', key: 'word' } } }];
      await spaces[index]?.create(
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'same' }, stringData: { word } },
        remotePod('runs', { containers: [script('echo "$WORD"; sleep 300', { env })] }),
        remotePod('ends', { restartPolicy: 'Never', containers: [script(`exit ${code}`)] }),
      );
    }
    for (const [index, { home, word, code }] of homes.entries()) {
      const space = spaces[index];
      const pod = await space?.podInPhase('runs', 'Running', 60_000);
      const log = async () => (await home.kubectl(['-n', name, 'logs', 'runs'])) || undefined;
      expect(await until('log', log)).toBe(`${word}\n`);
      expect(await space?.remotePods(pod?.['metadata'].uid)).toHaveLength(1);
      const ended = await space?.podInPhase('ends', 'Failed', 60_000);
      expect(ended?.['status'].containerStatuses[0].state.terminated.exitCode).toBe(code);
    }
  } finally {
    for (const { home } of homes) await home.try(['delete', 'namespace', name, '--wait=false']);
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
