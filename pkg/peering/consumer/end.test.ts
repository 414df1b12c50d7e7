import { describe, expect, test } from 'vitest';
import {
  ANNOTATION,
  FINALIZER,
  LABEL,
  PEER,
  type Peer,
  PEERING_REQUEST,
  typeMeta,
  VIRTUAL_NODE,
  type VirtualNode,
} from '#pkg/api';
import { NODE, POD } from '#pkg/kube';
import { silentLog, systemClock } from '#pkg/runtime';
import type { PeerCluster } from '../peer-clusters.ts';
import { memoryClient, type MemoryClient } from '../doubles/memory-client.ts';
import { newIdentity, peeringBed, type PeeringBed } from '../doubles/peering-bed.ts';
import { PeeringError } from '../errors.ts';
import { endConsumer, type EndState } from './end.ts';
import { type PeerCredentials, secretOfCredentials } from './peer-credentials.ts';
import { consumerSession } from './session.ts';
import { SECRET } from '#pkg/kube';

const milan = newIdentity();
const signal = AbortSignal.timeout(30_000);

/** Milan uses rome: a virtual node with a pod stands at home, the provider's endpoint is real. */
async function scene(bed: PeeringBed) {
  const home = memoryClient();
  const peer: Peer = {
    ...typeMeta(PEER),
    metadata: { name: 'rome' },
    spec: { roles: [], fingerprint: bed.provider.identity.fingerprint, addresses: [bed.provider.address] },
    status: { roles: ['Consume'] },
  };
  home.seed(PEER, peer);
  const node: VirtualNode = {
    ...typeMeta(VIRTUAL_NODE),
    metadata: { name: 'rome', finalizers: [FINALIZER.virtualNode] },
    spec: { peer: 'rome' },
  };
  home.seed(VIRTUAL_NODE, node);
  home.seed(NODE, { metadata: { name: 'rome', labels: { [LABEL.peer]: 'rome' } } });
  home.seed(POD, { metadata: { namespace: 'shop', name: 'web' } });
  const credentials: PeerCredentials = {
    peer: 'rome',
    origin: 'milan',
    tenantNamespace: 'tombolo-tenant-milan',
    path: 'Direct',
    server: 'https://198.18.0.3:6443',
    servers: [],
    relayAllowed: true,
    caPem: 'CA',
    token: 'token',
    expiresAt: new Date(),
    lifetimeSeconds: 3600,
    addresses: [bed.provider.address],
    fingerprint: bed.provider.identity.fingerprint,
    suspended: false,
  };
  home.seed(SECRET, secretOfCredentials(credentials));
  const session = consumerSession({ identity: milan, version: '0.1.0' });
  const deps = {
    home,
    identity: milan,
    clusterName: 'milan',
    version: '0.1.0',
    addresses: () => [],
    clock: systemClock,
    log: silentLog,
  };
  // Only `cluster.client` is looked at here: the provider's objects.
  const provider = { peer: 'rome', cluster: { client: bed.provider.client } } as unknown as PeerCluster;
  const end = (change: { peer?: Peer; credentials?: PeerCredentials | undefined } = {}): Promise<EndState> =>
    endConsumer(deps, { peer, credentials, provider, wasTried: true, ...change }, session, signal);
  return { home, peer, session, end };
}
const secrets = (home: MemoryClient) => home.names.filter((name) => name.startsWith('Secret'));

describe('the end of using a peer', () => {
  test('drains, says goodbye until the peer is done, and forgets the credentials last', async () => {
    await using bed = await peeringBed();
    bed.addPeer('milan', milan, { status: { roles: ['Provide'] } });
    const { home, end } = await scene(bed);
    expect(await end()).toMatchObject({
      state: 'Going',
      step: expect.stringContaining('drain virtual node rome') as string,
    });
    expect(home.names).toContain('VirtualNode rome'); // its finalizer drains, and is somebody else's
    await home.patch(VIRTUAL_NODE, { name: 'rome' }, { metadata: { finalizers: [] } }, { type: 'merge' });
    expect(await end()).toMatchObject({ state: 'Going', step: 'wait until rome has removed what it held for us' });
    expect(secrets(home)).toHaveLength(1);
    await bed.provider.client.patch(PEER, { name: 'milan' }, { status: { roles: [] } }, { type: 'merge' });
    expect(await end()).toEqual({ state: 'Done' });
    expect(secrets(home)).toEqual([]);
  });

  test('is over where the peer has dropped its Peer with the last role', async () => {
    await using bed = await peeringBed();
    const { home, end } = await scene(bed);
    await home.patch(
      VIRTUAL_NODE,
      { name: 'rome' },
      { metadata: { finalizers: [], deletionTimestamp: 'x' } },
      { type: 'merge' },
    );
    expect(await end()).toEqual({ state: 'Done' });
  });

  test('while the peer is away says what can be done and deletes nothing', async () => {
    await using bed = await peeringBed();
    const { home, session, end } = await scene(bed);
    const facts = {
      attempted: 'reach the API server of the peer',
      where: 'https://198.18.0.3:6443',
      why: 'connection refused',
    };
    Object.assign(session.api, { failures: 1, error: new PeeringError('ApiUnreachable', facts) });
    const state = await end();
    expect(state.state).toBe('Stuck');
    expect(state.state === 'Stuck' && String(state.error)).toMatch(
      /connection refused.*nothing was deleted.*tombolo unpeer rome --force/,
    );
    expect(home.writes).toEqual([]);
  });

  test('sends no goodbye to another key', async () => {
    await using bed = await peeringBed();
    const { home, session, end } = await scene(bed);
    const facts = { attempted: 'test', where: 'rome', why: 'identity changed' };
    Object.assign(session.endpoint, { failures: 1, error: new PeeringError('IdentityChanged', facts) });
    expect((await end()).state).toBe('Stuck');
    expect(home.writes).toEqual([]);
  });

  test('by force removes virtual node, pods, Node and Secrets without asking anybody', async () => {
    await using bed = await peeringBed();
    bed.addPeer('milan', milan, { status: { roles: ['Provide'] } });
    const { home, peer, end } = await scene(bed);
    const forced = { ...peer, metadata: { ...peer.metadata, annotations: { [ANNOTATION.forceUnpeer]: 'true' } } };
    const before = bed.provider.client.writes.length;
    for (let round = 0; (await end({ peer: forced })).state !== 'Done'; round++) expect(round).toBeLessThan(5);
    expect(home.names).toEqual(['Peer rome']);
    expect(bed.provider.client.writes).toHaveLength(before);
  });

  test('of a peering that never stood needs nobody', async () => {
    await using bed = await peeringBed();
    const { home, end } = await scene(bed);
    await bed.provider.server[Symbol.asyncDispose]();
    for (let round = 0; (await end({ credentials: undefined })).state !== 'Done'; round++)
      expect(round).toBeLessThan(5);
    expect(home.names).not.toContain('VirtualNode rome');
  });

  test('of a peering that waits for approval takes the request back', async () => {
    await using bed = await peeringBed();
    const { peer, session, end } = await scene(bed);
    const asked = { clusterName: 'milan', addresses: [], version: '0.1.0', askedAt: 'now' };
    const rome = session.peering([bed.provider.address], bed.provider.identity.fingerprint);
    expect((await rome.askApproval(asked, signal)).state).toBe('Waiting');
    const waiting = { ...peer, spec: { ...peer.spec, request: { askedAt: 'now' } } };
    for (let round = 0; (await end({ peer: waiting, credentials: undefined })).state !== 'Done'; round++)
      expect(round).toBeLessThan(5);
    expect(bed.provider.client.peek(PEERING_REQUEST)).toEqual([]);
  });
});
