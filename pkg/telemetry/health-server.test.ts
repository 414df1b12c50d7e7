import { request } from 'node:http';
import { Gauge, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { type HealthOptions, serveHealth } from './health-server.ts';

/** A server on a free port, and what asks it. */
async function serve(options: Partial<HealthOptions> = {}) {
  const stop = new AbortController();
  const registry = new Registry();
  const listening = Promise.withResolvers<number>();
  const ended = serveHealth(
    {
      port: 0,
      registry,
      notReady: () => undefined,
      loopLagMs: () => 20,
      onListening: listening.resolve,
      ...options,
    },
    stop.signal,
  );
  const port = await listening.promise;
  const ask = (path: string, method = 'GET') =>
    new Promise<string>((done, fail) => {
      const sent = request({ port, path, method, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => done(`${response.statusCode} ${body.trim()}`));
      });
      sent.on('error', fail).end();
    });
  return {
    port,
    registry,
    ask,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

test('alive while the event loop turns, and not after a long stall', async () => {
  let lag = 25;
  await using server = await serve({ loopLagMs: () => lag });
  expect(await server.ask('/healthz')).toBe('200 ok');
  lag = 12_345.6;
  expect(await server.ask('/healthz?verbose')).toBe('500 event loop stalled for 12346 ms');
});

test('ready when nothing is missing, and otherwise says what', async () => {
  let missing: string | undefined = 'cache of pods';
  await using server = await serve({ notReady: () => missing });
  expect(await server.ask('/readyz')).toBe('503 cache of pods');
  missing = undefined;
  expect(await server.ask('/readyz')).toBe('200 ok');
});

test('metrics are those of the registry that was handed in', async () => {
  await using server = await serve();
  new Gauge({ name: 'answer', help: 'to everything', registers: [server.registry] }).set(42);
  expect(await server.ask('/metrics')).toMatch(/^200 .*\nanswer 42$/s);
});

test('anything else is refused, HEAD has no body', async () => {
  await using server = await serve();
  expect(await server.ask('/debug')).toBe('404 not found');
  expect(await server.ask('/metrics', 'POST')).toBe('405 only GET and HEAD');
  expect(await server.ask('/healthz', 'HEAD')).toBe('200 ');
});

test('a callback that throws fails its request and nothing else', async () => {
  await using server = await serve({
    notReady: () => {
      throw new Error('no caches yet');
    },
  });
  expect(await server.ask('/readyz')).toBe('500 no caches yet');
  expect(await server.ask('/healthz')).toBe('200 ok');
});

test('a port that is taken is an error that names it', async () => {
  await using first = await serve();
  const options = { port: first.port, registry: first.registry, notReady: () => undefined, loopLagMs: () => 0 };
  await expect(serveHealth(options, new AbortController().signal)).rejects.toThrow(
    new RegExp(`port ${first.port} \\(TCP\\): .*EADDRINUSE`),
  );
});

test('closes with the signal, also with connections that are kept alive', async () => {
  const server = await serve();
  await new Promise<void>((done) => {
    request({ port: server.port, path: '/healthz', headers: { connection: 'keep-alive' } }, (response) => {
      response.resume().on('end', () => done());
    }).end();
  });
  await server[Symbol.asyncDispose]();
  await expect(server.ask('/healthz')).rejects.toThrow(/ECONNREFUSED/);
});
