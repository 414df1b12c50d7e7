import { request as httpsRequest } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { PEER, type Peer } from '#pkg/api';
import { newIdentity, peeringBed, type PeeringBed } from '../doubles/peering-bed.ts';
import { isPeeringError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';

const signal = AbortSignal.timeout(30_000);
const asMilan = { clusterName: 'milan', addresses: ['198.18.0.2:30443'], version: '0.1.0' };

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isPeeringError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

/** One request with full control of its bytes; the status, or why there was none. */
async function raw(
  bed: PeeringBed,
  options: { identity?: Identity; method?: string; path: string; body?: string },
): Promise<number> {
  const tls = await options.identity?.tls();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = httpsRequest(
    {
      host: '127.0.0.1',
      port: bed.provider.server.port,
      method: options.method ?? 'POST',
      path: options.path,
      rejectUnauthorized: false,
      agent: false,
      headers: { 'content-type': 'application/json' },
      ...(tls === undefined ? {} : { key: tls.keyPem, cert: tls.certPem }),
    },
    (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    },
  );
  request.on('error', reject);
  request.end(options.body);
  return promise;
}

describe('redeem', () => {
  test('makes a peer and a tenant, and answers with all that a consumer needs', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    const answer = await bed.as(milan).redeem({ ...bed.invite(), ...asMilan }, signal);
    expect(answer).toMatchObject({
      nameThere: 'milan',
      tenantNamespace: 'tombolo-tenant-milan',
      api: { servers: ['https://198.18.0.3:6443'], caPem: 'CA', relay: true },
      lifetimeSeconds: 3600,
      cluster: { name: 'rome', version: '0.1.0', kubernetesVersion: 'v1.35.4' },
    });
    expect(bed.provider.client.names).toEqual([
      'ConfigMap tombolo-system/kube-root-ca.crt',
      'EndpointSlice default/kubernetes',
      'Invite tombolo-system/invite-1',
      'Namespace tombolo-tenant-milan',
      'Peer milan',
      'Role tombolo-tenant-milan/tombolo-tenant',
      'RoleBinding tombolo-tenant-milan/tombolo-tenant',
      'ServiceAccount tombolo-tenant-milan/tenant',
    ]);
  });

  test('PEER-02 the winner may use the token again, another cluster is refused as used', async () => {
    await using bed = await peeringBed();
    const [milan, turin] = [newIdentity(), newIdentity()];
    const token = bed.invite();
    const [one, two] = [bed.as(milan), bed.as(turin)];
    // At the same moment: the optimistic lock lets one win.
    const results = await Promise.all([
      codeOf(one.redeem({ ...token, ...asMilan }, signal)),
      codeOf(two.redeem({ ...token, ...asMilan, clusterName: 'turin' }, signal)),
    ]);
    expect(results.toSorted()).toEqual(['InviteUsed', 'accepted']);
    const [winner, loser] = results[0] === 'accepted' ? [one, two] : [two, one];
    expect(await codeOf(winner.redeem({ ...token, ...asMilan }, signal))).toBe('accepted');
    expect(await codeOf(loser.redeem({ ...token, ...asMilan }, signal))).toBe('InviteUsed');
    expect(bed.provider.client.names.filter((name) => name.startsWith('Peer '))).toHaveLength(1);
  });

  test('an ended, revoked or forged invite leaves nothing behind', async () => {
    await using bed = await peeringBed();
    const milan = bed.as(newIdentity());
    const before = bed.provider.client.writes.length;
    const ended = bed.invite({ expiresAt: new Date(Date.now() - 1) });
    const forged = { ...bed.invite(), secret: 'x'.repeat(43) };
    expect(await codeOf(milan.redeem({ ...ended, ...asMilan }, signal))).toBe('InviteExpired');
    expect(await codeOf(milan.redeem({ ...forged, ...asMilan }, signal))).toBe('InviteUnknown');
    expect(await codeOf(milan.redeem({ ...forged, invite: 'invite-99', ...asMilan }, signal))).toBe('InviteUnknown');
    expect(bed.provider.client.writes.slice(before)).toEqual([]);
  });

  test('PEER-05 after ten guesses from one source the next one waits, and answers do not tell which part was wrong', async () => {
    await using bed = await peeringBed();
    const guesser = bed.as(newIdentity());
    const { invite } = bed.invite();
    const said = new Set<string>();
    for (let tries = 0; tries < 10; tries++) {
      const guess = { invite: tries % 2 === 0 ? invite : 'invite-7', secret: 'y'.repeat(43), ...asMilan };
      said.add(String(await guesser.redeem(guess, signal).catch((error: unknown) => error)));
    }
    expect(said.size).toBe(1);
    expect(await codeOf(guesser.redeem({ invite, secret: 'z'.repeat(43), ...asMilan }, signal))).toBe('TooManyTries');
  });

  test('a second cluster of that name gets the digits of its fingerprint', async () => {
    await using bed = await peeringBed();
    const [first, second] = [newIdentity(), newIdentity()];
    await bed.as(first).redeem({ ...bed.invite(), ...asMilan }, signal);
    const answer = await bed.as(second).redeem({ ...bed.invite(), ...asMilan }, signal);
    expect(answer.nameThere).toBe(`milan-${second.fingerprint.slice(0, 4)}`);
  });

  test('a cluster that is a peer already gets the second role on the same Peer', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    bed.addPeer('mailand', milan, { spec: { roles: ['Consume'], fingerprint: milan.fingerprint } });
    const answer = await bed.as(milan).redeem({ ...bed.invite(), ...asMilan }, signal);
    expect(answer.nameThere).toBe('mailand');
    const peer = await bed.provider.client.get<Peer>(PEER, { name: 'mailand' });
    expect(peer.spec.roles).toEqual(['Consume', 'Provide']);
  });

  test('a cluster peers with itself only under a name that it has chosen', async () => {
    await using bed = await peeringBed();
    const { identity } = bed.provider;
    const token = bed.invite();
    expect(await codeOf(bed.as(identity).redeem({ ...token, ...asMilan, clusterName: 'rome' }, signal))).toBe(
      'OwnCluster',
    );
    bed.addPeer('mirror', identity, { spec: { roles: ['Consume'], fingerprint: identity.fingerprint } });
    const answer = await bed.as(identity).redeem({ ...token, ...asMilan, clusterName: 'rome' }, signal);
    expect(answer.nameThere).toBe('mirror');
  });

  test('what a peer calls itself must be a DNS label of at most 48 characters', async () => {
    await using bed = await peeringBed();
    const milan = bed.as(newIdentity());
    const token = bed.invite();
    for (const clusterName of ['Milan', 'a.b', 'x'.repeat(49), '-']) {
      expect(await codeOf(milan.redeem({ ...token, ...asMilan, clusterName }, signal))).toBe('InvalidPeerName');
    }
  });

  test('waits while an earlier peering with that cluster is taken apart', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    bed.addPeer('milan', milan, { status: { consumerReleased: true } });
    expect(await codeOf(bed.as(milan).redeem({ ...bed.invite(), ...asMilan }, signal))).toBe('PeerBusy');
  });

  test('never touches a namespace that only looks like a tenant namespace', async () => {
    await using bed = await peeringBed();
    const namespace = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false };
    bed.provider.client.seed(namespace, { metadata: { name: 'tombolo-tenant-milan', labels: { team: 'other' } } });
    expect(await codeOf(bed.as(newIdentity()).redeem({ ...bed.invite(), ...asMilan }, signal))).toBe('NamespaceTaken');
    expect(bed.provider.client.names.filter((name) => /^Role|^ServiceAccount/.test(name))).toEqual([]);
  });
});

describe('known peers', () => {
  test('get a new credential, say hello, and say goodbye once and again', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    bed.addPeer('milan', milan, { status: { roles: ['Provide'] } });
    const client = bed.as(milan);
    expect(await client.info(signal)).toMatchObject({ clusterName: 'rome', lends: true, ending: false });
    expect((await client.credentials(signal)).nameThere).toBe('milan');
    expect(await client.unpeer(signal)).toEqual({ state: 'Ending' });
    expect(await client.unpeer(signal)).toEqual({ state: 'Ending' });
    const peer = await bed.provider.client.get<Peer>(PEER, { name: 'milan' });
    expect([peer.spec.roles, peer.status?.consumerReleased]).toEqual([[], true]);
    expect(await codeOf(client.credentials(signal))).toBe('NotLent');
  });

  test('that we only use get no credential', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    bed.addPeer('milan', milan, { spec: { roles: ['Consume'], fingerprint: milan.fingerprint } });
    expect(await codeOf(bed.as(milan).credentials(signal))).toBe('NotLent');
    expect(bed.provider.client.names).not.toContain('Namespace tombolo-tenant-milan');
  });

  test('are told that we end while they may still drain', async () => {
    await using bed = await peeringBed();
    const milan = newIdentity();
    bed.addPeer('milan', milan, {
      spec: { roles: [], fingerprint: milan.fingerprint },
      status: { roles: ['Provide'] },
    });
    expect(await bed.as(milan).info(signal)).toMatchObject({ lends: true, ending: true });
    expect(await codeOf(bed.as(milan).credentials(signal))).toBe('accepted');
  });
});

describe('strangers', () => {
  test('PEER-36 without a pinned key only redeem and request answer, everything else is 401; a body above 64 KiB is refused', async () => {
    await using bed = await peeringBed();
    const stranger = newIdentity();
    const seen: Record<string, number> = {};
    for (const [name, request] of Object.entries({
      info: { identity: stranger, method: 'GET', path: '/v1/info' },
      credentials: { identity: stranger, path: '/v1/credentials' },
      unpeer: { identity: stranger, path: '/v1/unpeer' },
      elsewhere: { identity: stranger, method: 'GET', path: '/metrics' },
      'info without a key': { method: 'GET', path: '/v1/info' },
      'redeem without a key': { path: '/v1/redeem', body: '{}' },
      'request without a key': { path: '/v1/request', body: '{}' },
      'withdrawal without a key': { method: 'DELETE', path: '/v1/request' },
      'a look at requests': { identity: stranger, method: 'GET', path: '/v1/request' },
      'request of nonsense': { identity: stranger, path: '/v1/request', body: '{}' },
      'request above 64 KiB': {
        identity: stranger,
        path: '/v1/request',
        body: JSON.stringify({ x: 'y'.repeat(65 * 1024) }),
      },
      'redeem of nonsense': { identity: stranger, path: '/v1/redeem', body: '{}' },
      'redeem of no JSON': { identity: stranger, path: '/v1/redeem', body: '{"a' },
      'redeem above 64 KiB': {
        identity: stranger,
        path: '/v1/redeem',
        body: JSON.stringify({ x: 'y'.repeat(65 * 1024) }),
      },
    })) {
      seen[name] = await raw(bed, request);
    }
    expect(seen).toEqual({
      info: 401,
      credentials: 401,
      unpeer: 401,
      elsewhere: 401,
      'info without a key': 401,
      'redeem without a key': 401,
      'request without a key': 401,
      'withdrawal without a key': 401,
      'a look at requests': 401,
      'request of nonsense': 400,
      'request above 64 KiB': 413,
      'redeem of nonsense': 400,
      'redeem of no JSON': 400,
      'redeem above 64 KiB': 413,
    });
  });

  test.for([
    ['an idle connection', ''],
    ['half a head', 'GET /v1/info HTTP/1.1\r\nHost: x\r\n'],
    [
      'a body that drips',
      'POST /v1/redeem HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ],
  ] as const)('%s is cut', async ([, bytes]) => {
    await using bed = await peeringBed({ cutAfterMs: 300 });
    const { keyPem, certPem } = await newIdentity().tls();
    const socket: TLSSocket = connect({
      host: '127.0.0.1',
      port: bed.provider.server.port,
      key: keyPem,
      cert: certPem,
      rejectUnauthorized: false,
    });
    const started = performance.now();
    const dripping = setInterval(() => bytes.endsWith('{') && socket.write(' '), 50);
    await new Promise<void>((resolve) => {
      socket
        .on('secureConnect', () => socket.write(bytes))
        .on('error', () => {})
        .on('close', () => resolve())
        .resume();
    });
    clearInterval(dripping);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('a TCP connection that never begins TLS is cut', async () => {
    await using bed = await peeringBed({ cutAfterMs: 200 });
    const { connect: dial } = await import('node:net');
    const socket = dial(bed.provider.server.port, '127.0.0.1');
    await new Promise<void>(
      (resolve) =>
        void socket
          .on('error', () => {})
          .on('close', () => resolve())
          .resume(),
    );
    await expect.poll(() => bed.provider.server.open.api).toBe(0);
  });

  test('connections above the bound of one source are closed', async () => {
    await using bed = await peeringBed({ connections: { max: 10, maxPerSource: 3 } });
    const { keyPem, certPem } = await newIdentity().tls();
    const closed: number[] = [];
    const sockets = Array.from({ length: 5 }, (_, index) => {
      const options = {
        host: '127.0.0.1',
        port: bed.provider.server.port,
        key: keyPem,
        cert: certPem,
        rejectUnauthorized: false,
      };
      return connect(options)
        .on('error', () => {})
        .on('close', () => closed.push(index))
        .resume();
    });
    await expect.poll(() => closed.length).toBe(2);
    expect(bed.provider.server.open.api).toBe(3);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => bed.provider.server.open.api).toBe(0);
  });
});
