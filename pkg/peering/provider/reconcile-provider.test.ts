import { describe, expect, test } from 'vitest';
import {
  ANNOTATION,
  GRANT,
  INVITE,
  isConditionTrue,
  LABEL,
  PEER,
  type Grant,
  type Peer,
  SYSTEM_NAMESPACE,
  typeMeta,
} from '#pkg/api';
import { NAMESPACE, type Namespace, ROLE_BINDING } from '#pkg/kube';
import { type FakeClock, fakeClock, silentLog } from '#pkg/runtime';
import { memoryClient, type MemoryClient } from '../doubles/memory-client.ts';
import { newIdentity } from '../doubles/peering-bed.ts';
import { providerSession, reconcileProvider } from './reconcile-provider.ts';

const milan = newIdentity();
const signal = AbortSignal.timeout(30_000);

interface Scene {
  readonly client: MemoryClient;
  readonly clock: FakeClock;
  /** One look at the Peer as it is stored now, with the status that the reconciler would have written. */
  look(): ReturnType<typeof reconcileProvider>;
  change(peer: {
    spec?: Partial<Peer['spec']>;
    status?: Partial<NonNullable<Peer['status']>>;
    annotations?: Record<string, string>;
  }): Promise<void>;
}

async function scene(): Promise<Scene> {
  const client = memoryClient();
  const clock = fakeClock();
  const session = providerSession();
  const peer: Peer = {
    ...typeMeta(PEER),
    metadata: { name: 'milan' },
    spec: { roles: ['Provide'], fingerprint: milan.fingerprint },
  };
  client.seed(PEER, peer);
  const invite = {
    ...typeMeta(INVITE),
    metadata: { name: 'invite-1', namespace: SYSTEM_NAMESPACE },
    status: { redeemedBy: milan.fingerprint },
  };
  client.seed(INVITE, invite);
  const change: Scene['change'] = async ({ annotations, ...body }) => {
    const patch = { ...body, ...(annotations === undefined ? {} : { metadata: { annotations } }) };
    await client.patch<Peer>(PEER, { name: 'milan' }, patch, { type: 'merge' });
  };
  const look = async () => {
    const stored = await client.get<Peer>(PEER, { name: 'milan' });
    const report = await reconcileProvider({ client, clock, log: silentLog }, stored, session, signal);
    await change({ status: { roles: report.stands ? ['Provide'] : [] } });
    return report;
  };
  return { client, clock, look, change };
}

/** A grant, and a twin that the consumer's pods run in. */
function use(client: MemoryClient, labels: Record<string, string> = {}): void {
  const grant: Grant = { ...typeMeta(GRANT), metadata: { namespace: 'tombolo-tenant-milan', name: 'rome' }, spec: {} };
  client.seed(GRANT, grant);
  const twin: Namespace = {
    metadata: {
      name: 'shop-milan',
      labels: { [LABEL.origin]: 'milan', ...labels },
      annotations: { [ANNOTATION.homeNamespace]: 'shop' },
    },
  };
  client.seed(NAMESPACE, twin);
  client.seed(ROLE_BINDING, { metadata: { namespace: 'shop-milan', name: 'tombolo-twin' } });
}
const left = (client: MemoryClient) => client.names.filter((name) => !name.startsWith('Peer '));

describe('lending', () => {
  test('makes the tenant, and says whether the consumer was heard', async () => {
    const { client, clock, look, change } = await scene();
    expect(await look()).toMatchObject({ phase: 'Connecting', authenticated: { status: 'Unknown' } });
    expect(client.names).toContain('RoleBinding tombolo-tenant-milan/tombolo-tenant');
    await change({ status: { lastContactAt: clock.wall().toISOString() } });
    expect(await look()).toMatchObject({
      phase: 'Ready',
      authenticated: { status: 'True' },
      apiReachable: { reason: 'ConsumerConnected' },
    });
    await clock.advance(20_000);
    expect(await look()).toMatchObject({
      phase: 'Degraded',
      authenticated: { status: 'Unknown', reason: 'NoContact' },
    });
  });

  test('judges silence by its own clock, not by the one of the replica that heard', async () => {
    const { clock, look, change } = await scene();
    await change({ status: { lastContactAt: '2020-01-01T00:00:00.000Z' } });
    expect((await look()).phase).toBe('Degraded');
    await change({ status: { lastContactAt: '2020-01-01T00:00:08.000Z' } });
    await clock.advance(1_000);
    expect((await look()).phase).toBe('Ready');
  });

  test('brings back what somebody deleted by hand', async () => {
    const { client, clock, look } = await scene();
    await look();
    await client.delete(ROLE_BINDING, { namespace: 'tombolo-tenant-milan', name: 'tombolo-tenant' });
    await clock.advance(31_000);
    await look();
    expect(client.names).toContain('RoleBinding tombolo-tenant-milan/tombolo-tenant');
  });
});

describe('the end of lending', () => {
  test('tells the consumer on its grants and takes nothing from it before its goodbye', async () => {
    const { client, clock, look, change } = await scene();
    await look();
    use(client);
    await change({ spec: { roles: [] }, status: { lastContactAt: clock.wall().toISOString() } });
    const before = left(client);
    expect(await look()).toMatchObject({
      stands: true,
      phase: 'Ending',
      step: 'wait until milan has drained its pods here',
    });
    expect(left(client)).toEqual(before);
    const grant = await client.get<Grant>(GRANT, { namespace: 'tombolo-tenant-milan', name: 'rome' });
    expect(isConditionTrue(grant.status?.conditions, 'Ending')).toBe(true);
  });

  test('says within 10 s that the consumer is away, and deletes nothing', async () => {
    const { client, clock, look, change } = await scene();
    await look();
    use(client);
    await change({ spec: { roles: [] }, status: { lastContactAt: clock.wall().toISOString() } });
    await look();
    await clock.advance(10_000);
    const before = left(client);
    const report = await look();
    expect(report.degraded).toMatchObject({ status: 'True', reason: 'NoContact' });
    expect(report.degraded?.message).toContain('--force');
    expect(left(client)).toEqual(before);
  });

  test('after the goodbye takes rights first, then everything, and forgets the mark last', async () => {
    const { client, look, change } = await scene();
    await look();
    use(client);
    await change({ status: { consumerReleased: true } }); // the replica died before it took the role away
    const from = client.writes.length;
    for (let round = 0; round < 6; round++) await look();
    expect(left(client)).toEqual(['Grant tombolo-tenant-milan/rome', 'Role tombolo-tenant-milan/tombolo-tenant']); // go with their namespace
    const deletes = client.writes.slice(from).filter((write) => write.startsWith('delete'));
    expect(deletes.slice(0, 3)).toEqual([
      'delete RoleBinding tombolo-tenant-milan/tombolo-tenant',
      'delete RoleBinding shop-milan/tombolo-twin',
      'delete ServiceAccount tombolo-tenant-milan/tenant',
    ]);
    const peer = await client.get<Peer>(PEER, { name: 'milan' });
    expect([peer.spec.roles, peer.status?.consumerReleased]).toEqual([[], undefined]);
  });

  test('is looked at once more when nothing is left, and then rests while the other direction drains', async () => {
    const { look, change } = await scene();
    await look();
    await change({ spec: { roles: [] } });
    const waits: number[] = [];
    for (let round = 0; round < 4; round++) waits.push((await look()).requeueAfterMs);
    expect(waits).toEqual([500, 20, Infinity, Infinity]);
  });

  test('by force asks nobody', async () => {
    const { client, look, change } = await scene();
    await look();
    use(client);
    await change({ spec: { roles: [] }, annotations: { [ANNOTATION.forceUnpeer]: 'true' } });
    for (let round = 0; round < 5; round++) await look();
    expect(client.names.filter((name) => name.startsWith('Namespace'))).toEqual([]);
  });

  test('keeps a twin that the admin wants to keep, without our label', async () => {
    const { client, look, change } = await scene();
    await look();
    use(client, { [LABEL.retain]: 'true' });
    await change({ spec: { roles: [] }, status: { consumerReleased: true } });
    for (let round = 0; round < 5; round++) await look();
    const twin = await client.get<Namespace>(NAMESPACE, { name: 'shop-milan' });
    expect(twin.metadata.labels).toEqual({ [LABEL.retain]: 'true' });
    expect(client.names).not.toContain('RoleBinding shop-milan/tombolo-twin');
  });

  test('never deletes a namespace that only carries the label', async () => {
    const { client, look, change } = await scene();
    await look();
    client.seed(NAMESPACE, { metadata: { name: 'theirs', labels: { [LABEL.origin]: 'milan' } } });
    await change({ spec: { roles: [] }, status: { consumerReleased: true } });
    for (let round = 0; round < 5; round++) await look();
    expect(client.names).toContain('Namespace theirs');
  });
});
