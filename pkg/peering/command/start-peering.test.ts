import { describe, expect, test } from 'vitest';
import { NAME, PEER, type Peer, SYSTEM_NAMESPACE, typeMeta } from '#pkg/api';
import { CONFIG_MAP, type ConfigMap, SECRET, type Secret } from '#pkg/kube';
import { memoryClient } from '../doubles/memory-client.ts';
import { newIdentity } from '../doubles/peering-bed.ts';
import { isPeeringError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { type InviteToken, newInviteSecret } from '../invite/token.ts';
import { createInvite } from './create-invite.ts';
import { peeringFromKubeconfigs } from './peering-from-kubeconfigs.ts';
import { startPeering } from './start-peering.ts';
import { parseInvite } from '../invite/token.ts';

/** A cluster that says of itself what an installed one says. */
function cluster(clusterName: string, identity: Identity = newIdentity()) {
  const client = memoryClient();
  const info: ConfigMap = {
    metadata: { namespace: SYSTEM_NAMESPACE, name: NAME.clusterConfigMap },
    data: { clusterName, fingerprint: identity.fingerprint, addresses: '["198.18.0.3:30443"]', version: '0.1.0' },
  };
  client.seed(CONFIG_MAP, info);
  return { client, cluster: clusterName, identity };
}

function tokenOf(identity: Identity, clusterName = 'rome'): InviteToken {
  const { fingerprint } = identity;
  return {
    invite: 'invite-1',
    secret: newInviteSecret(),
    addresses: ['198.18.0.3:30443'],
    fingerprint,
    clusterName,
    expiresAt: new Date(Date.now() + 60_000),
  };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'accepted',
    (error: unknown) => (isPeeringError(error) ? error.code : String(error)),
  );
}
const written = (names: readonly string[]) => names.filter((name) => !name.startsWith('ConfigMap'));

describe('starting a peering', () => {
  test('writes virtual node, token and Peer, and the second time nothing else', async () => {
    const milan = cluster('milan');
    const token = tokenOf(newIdentity());
    const first = await startPeering(milan.client, { token, cluster: 'milan', resources: { cpu: '2' } });
    expect(first).toEqual({ peer: 'rome', roles: ['Consume'], virtualNode: 'rome', isUnchanged: false, isNew: true });
    expect(written(milan.client.names)).toEqual([
      'Peer rome',
      'Secret tombolo-system/tombolo-redeem-rome',
      'VirtualNode rome',
    ]);
    const second = await startPeering(milan.client, { token, cluster: 'milan', resources: { cpu: '2' } });
    expect(second).toMatchObject({ peer: 'rome', isNew: false });
    expect(written(milan.client.names)).toHaveLength(3);
    const peer = await milan.client.get<Peer>(PEER, { name: 'rome' });
    expect(peer.spec).toEqual({ roles: ['Consume'], addresses: token.addresses, fingerprint: token.fingerprint });
  });

  test('NET-37 without a tunnel where that is asked for, also of a Peer that is there', async () => {
    const milan = cluster('milan');
    const token = tokenOf(newIdentity());
    const modeOf = async () => (await milan.client.get<Peer>(PEER, { name: 'rome' })).spec.network;
    await startPeering(milan.client, { token, cluster: 'milan', networkMode: 'None' });
    expect(await modeOf()).toEqual({ mode: 'None' });
    await startPeering(milan.client, { token, cluster: 'milan' });
    expect(await modeOf()).toEqual({ mode: 'None' });
    await startPeering(milan.client, { token, cluster: 'milan', networkMode: 'Tunnel' });
    expect(await modeOf()).toEqual({ mode: 'Tunnel' });
  });

  test('PEER-12 refuses a name that is no DNS label of at most 48 characters before anything is written', async () => {
    const milan = cluster('milan');
    const rome = newIdentity();
    for (const name of ['Rome', 'x'.repeat(49)]) {
      expect(await codeOf(startPeering(milan.client, { token: tokenOf(rome), cluster: 'milan', name }))).toBe(
        'InvalidPeerName',
      );
    }
    expect(await codeOf(startPeering(milan.client, { token: tokenOf(rome, 'Rome!'), cluster: 'milan' }))).toBe(
      'InvalidPeerName',
    );
    expect(milan.client.writes).toEqual([]);
  });

  test('PEER-13 gives a second cluster of the same name a suffix, or the name that was chosen', async () => {
    const milan = cluster('milan');
    const [first, second, third] = [newIdentity(), newIdentity(), newIdentity()];
    await startPeering(milan.client, { token: tokenOf(first), cluster: 'milan' });
    const suffixed = await startPeering(milan.client, { token: tokenOf(second), cluster: 'milan' });
    expect(suffixed.peer).toBe(`rome-${second.fingerprint.slice(0, 4)}`);
    const named = await startPeering(milan.client, { token: tokenOf(third), cluster: 'milan', name: 'rome-two' });
    expect(named.peer).toBe('rome-two');
    expect(
      await codeOf(startPeering(milan.client, { token: tokenOf(newIdentity()), cluster: 'milan', name: 'rome' })),
    ).toBe('NameTaken');
  });

  test('PEER-14 a direction that stands is left alone, and a cluster peers with itself only under another name', async () => {
    const milan = cluster('milan');
    const rome = newIdentity();
    const peer: Peer = {
      ...typeMeta(PEER),
      metadata: { name: 'rome' },
      spec: { roles: ['Consume'], fingerprint: rome.fingerprint },
      status: { roles: ['Consume'] },
    };
    milan.client.seed(PEER, peer);
    expect(await startPeering(milan.client, { token: tokenOf(rome), cluster: 'milan' })).toMatchObject({
      isUnchanged: true,
    });
    expect(milan.client.writes).toEqual([]);

    const own = tokenOf(milan.identity, 'milan');
    expect(await codeOf(startPeering(milan.client, { token: own, cluster: 'milan' }))).toBe('OwnCluster');
    expect(await codeOf(startPeering(milan.client, { token: own, cluster: 'milan', name: 'milan' }))).toBe(
      'OwnCluster',
    );
    expect(await startPeering(milan.client, { token: own, cluster: 'milan', name: 'mirror' })).toMatchObject({
      peer: 'mirror',
    });
  });

  test('adds its role to the Peer that the other direction has made, under its name there', async () => {
    const milan = cluster('milan');
    const rome = newIdentity();
    const peer: Peer = {
      ...typeMeta(PEER),
      metadata: { name: 'rome-eu' },
      spec: { roles: ['Provide'], fingerprint: rome.fingerprint },
      status: { roles: ['Provide'] },
    };
    milan.client.seed(PEER, peer);
    expect(await startPeering(milan.client, { token: tokenOf(rome), cluster: 'milan' })).toMatchObject({
      peer: 'rome-eu',
      isNew: false,
    });
    expect((await milan.client.get<Peer>(PEER, { name: 'rome-eu' })).spec.roles).toEqual(['Provide', 'Consume']);
    expect(await codeOf(startPeering(milan.client, { token: tokenOf(rome), cluster: 'milan', name: 'roma' }))).toBe(
      'PeeredAs',
    );
  });

  test('needs an installed cluster', async () => {
    expect(await codeOf(startPeering(memoryClient(), { token: tokenOf(newIdentity()), cluster: 'milan' }))).toBe(
      'NotInstalled',
    );
  });
});

describe('invites and kubeconfigs', () => {
  test('an Invite holds a hash, the token is only returned', async () => {
    const rome = cluster('rome');
    const { token, name } = await createInvite(rome.client, { cluster: 'rome' });
    const { secret } = parseInvite(token, { now: new Date() });
    const stored = JSON.stringify(
      await rome.client.get(
        { group: 'tombolo.io', version: 'v1alpha1', plural: 'invites', kind: 'Invite', namespaced: true },
        { namespace: SYSTEM_NAMESPACE, name },
      ),
    );
    expect(stored).not.toContain(secret);
  });

  test('two kubeconfigs give an invite there and a wish here, and nothing of a kubeconfig', async () => {
    const [milan, rome] = [cluster('milan'), cluster('rome')];
    const [result] = await peeringFromKubeconfigs(milan, rome, { name: 'roma' });
    expect(result?.started).toMatchObject({ peer: 'roma', isNew: true });
    expect(written(rome.client.names)).toEqual([expect.stringMatching(/^Invite tombolo-system\/invite-[0-9a-f]{8}$/)]);
    expect(written(milan.client.names)).toEqual([
      'Peer roma',
      'Secret tombolo-system/tombolo-redeem-roma',
      'VirtualNode roma',
    ]);
    const secret = await milan.client.get<Secret>(SECRET, { namespace: SYSTEM_NAMESPACE, name: 'tombolo-redeem-roma' });
    expect(Object.keys(secret.data ?? {})).toEqual(['token']);
  });

  test('a wish that is refused takes its invite back', async () => {
    const [milan, rome] = [cluster('milan'), cluster('rome')];
    expect(await codeOf(peeringFromKubeconfigs(milan, rome, { name: 'NO' }))).toBe('InvalidPeerName');
    expect(written(rome.client.names)).toEqual([]);
  });
});
