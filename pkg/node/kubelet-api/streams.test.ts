import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fakeClock } from '#pkg/runtime';
import { ask, type Bench, startBench, textOf, upgrade } from './test-bench.ts';

const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n';
const CALLER = { token: 'api-server' };

// Many TLS handshakes: a busy machine may take its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
  allow(bench);
});
afterAll(async () => {
  vi.resetConfig();
  await bench[Symbol.asyncDispose]();
});

function allow({ tokens, rights }: Bench): void {
  tokens.set('api-server', 'kube-apiserver');
  rights.set('kube-apiserver', new Set(['create proxy', 'get proxy', 'get pods', 'get stats', 'get metrics']));
}

/** The provider's end of the next stream. */
function nextStream(from: Bench): Promise<Duplex> {
  return new Promise((resolve) => {
    from.provider.onUpgrade = (_, socket) => {
      socket.write(SWITCH);
      resolve(socket);
    };
  });
}

describe('streams', () => {
  test('the head is rewritten: names, flags, identity; the protocol that the provider chose comes back', async () => {
    const there = nextStream(bench);
    const path = '/exec/shop/web/main?command=sh&command=-c&command=echo%20a%26b&input=1&output=1&tty=1';
    const { status, protocol, socket } = await upgrade(bench, path, CALLER, {
      'x-stream-protocol-version': 'v4.channel.k8s.io',
      'Impersonate-User': 'admin',
      'X-Forwarded-For': '10.0.0.1',
      'Sec-WebSocket-Protocol': 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0',
    });
    expect(status).toBe(101);
    expect(protocol).toBe('v4.channel.k8s.io');
    const request = bench.provider.requests.at(-1);
    expect(request?.url).toBe(
      '/api/v1/namespaces/shop-milan/pods/web-x7/exec?container=main&stdin=true&stdout=true&stderr=false&tty=true&command=sh&command=-c&command=echo+a%26b',
    );
    expect(request?.headers).toMatchObject({
      authorization: 'Bearer tenant-token',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': 'v4.channel.k8s.io',
      'sec-websocket-protocol': 'v5.channel.k8s.io',
    });
    expect(request?.headers).not.toHaveProperty('impersonate-user');
    expect(request?.headers).not.toHaveProperty('x-forwarded-for');
    socket?.destroy();
    (await there).destroy();
  });

  test('bytes go both ways unchanged, also those that come with the head', async () => {
    bench.provider.onUpgrade = (_, socket) => {
      socket.write(`${SWITCH}early`);
      socket.pipe(socket);
    };
    const { socket } = await upgrade(bench, '/attach/shop/web/main', CALLER);
    const sent = Buffer.alloc(3_000_000, 'tombolo');
    const received = textOf(socket as AsyncIterable<Uint8Array>);
    socket?.end(sent);
    expect(await received).toBe(`early${sent.toString()}`);
  });

  test('half-closing one end leaves the other direction open until it is done', async () => {
    const there = nextStream(bench);
    const { socket } = await upgrade(bench, '/portForward/shop/web', CALLER);
    const provider = await there;
    const received = textOf(socket as AsyncIterable<Uint8Array>);
    const atProvider = textOf(provider);
    socket?.end('last word');
    expect(await atProvider).toBe('last word');
    provider.end('answer after it');
    expect(await received).toBe('answer after it');
  });

  test('POD-65 closing one end closes the other', async () => {
    const there = nextStream(bench);
    const { socket } = await upgrade(bench, '/attach/shop/web/main', CALLER);
    const provider = await there;
    const closedThere = new Promise((resolve) => provider.once('close', resolve));
    provider.once('end', () => provider.end()).resume();
    socket?.destroy();
    await closedThere;
  });

  test('a connection that is reset resets the other', async () => {
    const there = nextStream(bench);
    const { socket } = await upgrade(bench, '/attach/shop/web/main', CALLER);
    socket?.on('error', () => undefined);
    const closedHere = new Promise((resolve) => socket?.once('close', resolve));
    ((await there) as Socket).resetAndDestroy();
    await closedHere;
  });

  test('POD-67 one broken connection does not end the others', async () => {
    const first = nextStream(bench);
    const one = await upgrade(bench, '/portForward/shop/web', CALLER);
    const provider = await first;
    bench.provider.onUpgrade = (_, socket) => {
      socket.write(SWITCH);
      socket.pipe(socket);
    };
    const two = await upgrade(bench, '/portForward/shop/web', CALLER);
    one.socket?.on('error', () => undefined);
    provider.destroy();
    const echoed = new Promise((resolve) => two.socket?.once('data', (data: Buffer) => resolve(data.toString())));
    two.socket?.write('alive');
    expect(await echoed).toBe('alive');
    two.socket?.destroy();
  });

  test("a refusal of the provider is the caller's answer, and nothing more can be sent on that connection", async () => {
    bench.provider.onUpgrade = (_, socket) =>
      void socket.end(
        'HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"reason":"Gone"}',
      );
    const before = bench.provider.requests.length;
    const { status, body } = await upgrade(bench, '/exec/shop/web/main?command=ls', CALLER);
    expect({ status, body }).toEqual({ status: 404, body: '{"reason":"Gone"}' });
    expect(bench.provider.requests.length).toBe(before + 1);
  });

  test('a pod of another node, or one that does not run there yet, has no streams', async () => {
    expect((await upgrade(bench, '/exec/kube-system/dns/main?command=ls', CALLER)).status).toBe(404);
    expect((await upgrade(bench, '/containerLogs/shop/web/main', CALLER)).status).toBe(400);
  });
});

describe('logs', () => {
  test('POD-64 every option reaches the provider under its names', async () => {
    bench.provider.onRequest = (_, response) => void response.end('one\ntwo\n');
    const query =
      'follow=true&tailLines=2&sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z&previous=true&timestamps=true&limitBytes=9&evil=1';
    const { status, body } = await ask(bench, `/containerLogs/shop/web/main?${query}`, CALLER);
    expect({ status, body }).toEqual({ status: 200, body: 'one\ntwo\n' });
    const url = new URL(bench.provider.requests.at(-1)?.url ?? '', 'http://x');
    expect(url.pathname).toBe('/api/v1/namespaces/shop-milan/pods/web-x7/log');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      container: 'main',
      follow: 'true',
      previous: 'true',
      sinceSeconds: '5',
      sinceTime: '2026-01-01T00:00:00Z',
      timestamps: 'true',
      tailLines: '2',
      limitBytes: '9',
    });
  });

  test('a refusal comes back with the names of home', async () => {
    bench.provider.onRequest = (_, response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: 'container "main" in pod "web-x7" is waiting to start' }));
    };
    const { status, body } = await ask(bench, '/containerLogs/shop/web/main', CALLER);
    expect({ status, body }).toEqual({ status: 400, body: 'container "main" in pod "web" is waiting to start\n' });
  });

  test('a caller who goes away ends the request at the provider', async () => {
    const closed = new Promise((resolve) => {
      bench.provider.onRequest = (_, response) => {
        response.write('first\n');
        response.once('close', resolve);
      };
    });
    const stop = new AbortController();
    const { request } = await import('node:https');
    const call = request({
      host: '127.0.0.1',
      port: bench.port,
      path: '/containerLogs/shop/web/main?follow=true',
      ca: bench.servingCa.certPem,
      headers: { authorization: 'Bearer api-server' },
      signal: stop.signal,
    });
    call.on('error', () => undefined);
    call.once('response', (response) => {
      response.on('error', () => undefined);
      response.once('data', () => stop.abort());
    });
    call.end();
    await closed;
  });
});

describe('POD-69 a provider that is away', () => {
  test('POD-69 one that counts as lost is named at once', async () => {
    bench.health.isReady = false;
    bench.health.message = 'no answer within 3 s';
    try {
      const log = await ask(bench, '/containerLogs/shop/web/main', CALLER);
      const exec = await upgrade(bench, '/exec/shop/web/main?command=ls', CALLER);
      for (const { status, body } of [log, exec]) {
        expect(status).toBe(500);
        expect(body).toContain('peer rome');
        expect(body).toContain('no answer within 3 s');
      }
    } finally {
      bench.health.isReady = true;
    }
  });

  test('POD-69 one that refuses connections is named at once', async () => {
    await using lonely = await startBench();
    allow(lonely);
    await lonely.provider.kill();
    const { status, body } = await upgrade(lonely, '/exec/shop/web/main?command=ls', CALLER);
    expect(status).toBe(500);
    expect(body).toContain('peer rome');
    expect(body).toContain('ECONNREFUSED');
  });

  test('POD-69 one that accepts and never answers is named after 8 s; one that answers probes may be silent', async () => {
    const clock = fakeClock();
    await using slow = await startBench(clock);
    allow(slow);
    const asked = new Promise<void>((resolve) => {
      slow.provider.onRequest = () => resolve();
    });
    let answer: { status: number; body: string } | undefined;
    const pending = ask(slow, '/containerLogs/shop/web/main?follow=true', CALLER).then((result) => {
      answer = result;
    });
    await asked;
    slow.health.answeredAtMs = 7_000;
    await clock.advance(8_000);
    expect(answer).toBeUndefined();
    await clock.advance(8_000);
    await pending;
    expect(answer?.status).toBe(500);
    expect(answer?.body).toContain('peer rome');
  });
});

test('NODE-29 lists and metrics tell of the pods of this node only', async () => {
  bench.provider.onRequest = (request, response) => {
    expect(request.url).toBe('/apis/metrics.k8s.io/v1beta1/namespaces/shop-milan/pods');
    const usage = { cpu: '250m', memory: '64Mi' };
    const item = (name: string) => ({
      metadata: { name },
      timestamp: '2026-01-01T00:00:00Z',
      containers: [{ name: 'main', usage }],
    });
    response.end(JSON.stringify({ items: [item('web-x7'), item('of-another-node')] }));
  };
  const get = async (path: string) => (await ask(bench, path, CALLER)).body;
  expect(JSON.parse(await get('/pods')).items).toHaveLength(1);
  expect(JSON.parse(await get('/runningpods/')).items).toMatchObject([{ metadata: { name: 'web', uid: 'u1' } }]);
  expect(JSON.parse(await get('/stats/summary'))).toMatchObject({
    node: { nodeName: 'rome', cpu: { usageNanoCores: 250_000_000 } },
    pods: [{ podRef: { name: 'web', namespace: 'shop' }, memory: { workingSetBytes: 67_108_864 } }],
  });
  expect(await get('/metrics/resource')).toContain(
    'container_memory_working_set_bytes{container="main",namespace="shop",pod="web"} 67108864 1767225600000',
  );
});
