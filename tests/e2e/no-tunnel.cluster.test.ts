/** Peerings that have no tunnel: because one side wants none, or because a cluster is its own peer. */
import { describe, expect } from 'vitest';
import { patient } from '../patience.ts';
import { type Json, type TestCluster, until } from './bed.ts';
import { condition, remotePod, sleeper, test } from './fixtures.ts';

const API_ACCESS = 'tombolo.io/api-access';

async function setMode(cluster: TestCluster, mode: 'None' | null): Promise<void> {
  const patch = JSON.stringify({ spec: { network: mode === null ? null : { mode } } });
  await cluster.kubectl(['patch', 'peer', 'rome', '--type=merge', '-p', patch]);
}

const onMirror = { nodeSelector: { 'tombolo.io/peer': 'mirror' } };

describe('without a tunnel', { timeout: patient(240_000) }, () => {
  test('NET-37 pods run, the node is Ready by the API alone, and the tunnel comes back when it is wanted again', async ({
    milan,
    rome,
    shop,
  }) => {
    const [consumer] = (await rome.json('get peers'))['items'].map((item: Json) => item['metadata'].name);
    const ends = [
      [milan, 'rome'],
      [rome, consumer],
    ] as const;
    const isReady = async () => condition(await milan.json('get node rome'), 'Ready')?.['status'] === 'True';
    await using _tunnel = {
      async [Symbol.asyncDispose]() {
        await setMode(milan, null);
        for (const [cluster, peer] of ends) {
          const isUp = async () =>
            condition(await cluster.json(`get peer ${peer}`), 'NetworkReady')?.['status'] === 'True';
          await until(`${cluster.name} has its tunnel back`, isUp, 60_000);
        }
      },
    };
    await setMode(milan, 'None');
    for (const [cluster, peer] of ends) {
      await until(`${cluster.name} has no tunnel`, async () => {
        const object = await cluster.json(`get peer ${peer}`);
        const { network, tunnel = {} } = object['status'];
        return (
          network.mode === 'None' &&
          network.aliases === undefined &&
          condition(object, 'NetworkReady') === undefined &&
          Object.keys(tunnel).length === 0
        );
      });
    }
    await shop.create(
      remotePod('plain', { containers: [sleeper()] }),
      remotePod('client', { containers: [sleeper()] }, { annotations: { [API_ACCESS]: 'home' } }),
    );
    const plain = await shop.podInPhase('plain', 'Running');
    expect(plain['status'].podIP).toBeUndefined();
    expect(await shop.whyNot('client', 'Unsupported')).toMatch(/no tunnel/);
    expect(await isReady()).toBe(true);
    expect(await milan.kubectl(['-n', shop.name, 'exec', 'plain', '--', 'echo', 'here'])).toBe('here\n');

    const status = await milan.tombolo('status rome');
    expect(status, status.stdout).toMatchObject({ code: 0 });
    expect(status.stdout).toMatch(/Tunnel +none wanted/);
    const verified = await milan.tombolo('verify rome');
    expect(verified.code).not.toBe(0);
    expect(verified.stdout + verified.stderr).toMatch(/has no tunnel: .*nothing to verify/);
  });

  test('PEER-14 a cluster that is its own peer under another name runs pods on that node', async ({ milan, shop }) => {
    const self = ['peer', '--remote-kubeconfig', milan.kubeconfig, '--name', 'mirror', '--resources', 'cpu=1,pods=5'];
    // One that a failure leaves behind would be a peer of every namespace of the tests after this.
    await using _mirror = { [Symbol.asyncDispose]: async () => void (await milan.tombolo('unpeer mirror --yes')) };
    const peered = await milan.tombolo(self);
    expect(peered, peered.stderr).toMatchObject({ code: 0 });
    expect(peered.stdout).toMatch(/node mirror is Ready/);
    await until('the namespace has a twin beside it', async () => {
      const { status } = await milan.json(['-n', shop.name, 'get', 'offloading', 'offloading']);
      return status?.peers?.some((entry: Json) => entry['peer'] === 'mirror' && entry['state'] === 'Accepted');
    });
    await shop.create(remotePod('reflection', { ...onMirror, containers: [sleeper()] }));
    const pod = await shop.podInPhase('reflection', 'Running');
    expect(pod['spec'].nodeName).toBe('mirror');
    expect(await milan.kubectl(['-n', shop.name, 'exec', 'reflection', '--', 'echo', 'here'])).toBe('here\n');

    const ended = await milan.tombolo('unpeer mirror --yes');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    await until('nothing of it is left', async () => {
      const left = await milan.json('get nodes,virtualnodes,peers,namespaces -A');
      return left['items'].every((item: Json) => !item['metadata'].name.endsWith('mirror'));
    });
  });
});
