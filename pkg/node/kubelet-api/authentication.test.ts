import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ask, type Bench, startBench, upgrade } from './test-bench.ts';
import { testAuthority } from './test-certificates.ts';

const PLAIN = [
  '/pods',
  '/runningpods/',
  '/stats/summary',
  '/metrics/resource',
  '/containerLogs/shop/web/main',
  '/healthz',
];
const STREAMS = ['/exec/shop/web/main?command=ls', '/attach/shop/web/main', '/portForward/shop/web'];
const ALL_RIGHTS = ['get pods', 'get stats', 'get metrics', 'get healthz', 'get proxy', 'create proxy'];

// Many TLS handshakes: a busy machine may take its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  bench.provider.onRequest = (_, response) => void response.end('line\n');
  bench.provider.onUpgrade = (_, socket) =>
    void socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
  bench.tokens.set('poor', 'nobody').set('rich', 'somebody');
  bench.rights.set('somebody', new Set(ALL_RIGHTS)).set('kube-apiserver', new Set(ALL_RIGHTS));
});
afterAll(async () => {
  vi.resetConfig();
  await bench[Symbol.asyncDispose]();
});

async function statuses(caller: Parameters<typeof ask>[2]): Promise<number[]> {
  const plain = await Promise.all(PLAIN.map((path) => ask(bench, path, caller)));
  const streams = await Promise.all(STREAMS.map((path) => upgrade(bench, path, caller)));
  for (const { socket } of streams) socket?.destroy();
  return [...plain, ...streams].map(({ status }) => status);
}

describe('NODE-27 who may use the kubelet endpoint', () => {
  test('NODE-27 nobody without a credential, or with an unknown token', async () => {
    expect(new Set(await statuses({}))).toEqual(new Set([401]));
    expect(new Set(await statuses({ token: 'forged' }))).toEqual(new Set([401]));
  });

  test('NODE-27 no certificate of another authority, for another purpose, or out of date', async () => {
    const other = await testAuthority('client-ca');
    const subject = { commonName: 'kube-apiserver', organizations: ['system:masters'] };
    for (const certificate of [
      await other.sign({ ...subject, purpose: 'client' }),
      await bench.clientCa.sign({ ...subject, purpose: 'server' }),
      await bench.clientCa.sign({ ...subject, purpose: 'client', isExpired: true }),
    ]) {
      expect(new Set(await statuses({ certificate }))).toEqual(new Set([401]));
    }
  });

  test('NODE-27 a token without rights on the node is forbidden', async () => {
    expect(new Set(await statuses({ token: 'poor' }))).toEqual(new Set([403]));
  });

  test("NODE-27 a token with rights and the API server's certificate are served", async () => {
    const certificate = await bench.clientCa.sign({
      commonName: 'kube-apiserver',
      organizations: ['system:masters', 'more'],
      purpose: 'client',
    });
    const served = [...PLAIN.map(() => 200), ...STREAMS.map(() => 101)];
    expect(await statuses({ token: 'rich' })).toEqual(served);
    expect(await statuses({ certificate })).toEqual(served);
    const review = bench.reviews.find(({ user }) => user === 'kube-apiserver');
    expect(review).toMatchObject({ groups: ['system:masters', 'more', 'system:authenticated'], name: 'rome' });
  });

  test('reading rights do not open streams', async () => {
    bench.tokens.set('reader', 'reader');
    bench.rights.set('reader', new Set(['get proxy']));
    expect((await ask(bench, '/pods', { token: 'reader' })).status).toBe(200);
    expect((await upgrade(bench, STREAMS[0] ?? '', { token: 'reader' })).status).toBe(403);
  });

  test('a right that was given is asked for once, a right that is missing each time', async () => {
    bench.tokens.set('stats', 'stats-reader');
    bench.rights.set('stats-reader', new Set(['get stats']));
    const count = () => bench.reviews.filter(({ user }) => user === 'stats-reader').length;
    await ask(bench, '/stats/summary', { token: 'stats' });
    await ask(bench, '/stats/summary', { token: 'stats' });
    expect(count()).toBe(1);
    await ask(bench, '/metrics/resource', { token: 'stats' });
    await ask(bench, '/metrics/resource', { token: 'stats' });
    expect(count()).toBe(3);
  });

  test('without a known client authority no certificate counts, not even one of the public web', async () => {
    await using lonely = await startBench();
    lonely.server.setClientAuthorities([]);
    const certificate = await lonely.clientCa.sign({ commonName: 'kube-apiserver', purpose: 'client' });
    expect((await ask(lonely, '/pods', { certificate })).status).toBe(401);
    lonely.rights.set('kube-apiserver', new Set(ALL_RIGHTS));
    lonely.server.setClientAuthorities([lonely.clientCa.certPem]);
    expect((await ask(lonely, '/pods', { certificate })).status).toBe(200);
  });
});

test('a request below the root of the endpoint is refused only after its caller is known', async () => {
  expect((await ask(bench, '/debug/pprof')).status).toBe(401);
  expect((await ask(bench, '/debug/pprof', { token: 'rich' })).status).toBe(404);
  expect((await ask(bench, '/containerLogs/shop/..%2f..%2fsecrets/main', { token: 'rich' })).status).toBe(400);
});

test('a command line of 20 kB fits into the request', async () => {
  const { status, socket } = await upgrade(bench, `/exec/shop/web/main?command=${'x'.repeat(20_000)}`, {
    token: 'rich',
  });
  socket?.destroy();
  expect(status).toBe(101);
});

test('NODE-28 a new serving certificate is used without a restart and keeps open connections', async () => {
  bench.provider.onUpgrade = (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    socket.pipe(socket);
  };
  const { socket } = await upgrade(bench, '/attach/shop/web/main', { token: 'rich' });
  bench.server.setCertificate(await bench.servingCa.sign({ commonName: 'system:node:rome', purpose: 'server' }));
  expect((await ask(bench, '/healthz', { token: 'rich' })).status).toBe(200);
  const echoed = new Promise((resolve) => socket?.once('data', (data: Buffer) => resolve(data.toString())));
  socket?.write('still here');
  expect(await echoed).toBe('still here');
  socket?.destroy();
});
