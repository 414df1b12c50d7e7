import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { measureAll } from './measure.ts';
import { measurementLines, readMeasurements, readTargets, type Target } from './measurement.ts';
import { startReachServer } from './server.ts';

let end = new AbortController();
afterEach(() => {
  end.abort();
  end = new AbortController();
});

const here = (protocols: Target['protocols']): Target[] => [{ to: 'here', host: '127.0.0.1', protocols }];

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return address.port;
}

describe('measureAll', () => {
  test('brings small and large payloads there and back, and says as whom the server saw us', async () => {
    const { port } = await startReachServer(await freePort(), end.signal);
    const found = await measureAll(here(['TCP', 'UDP']), { port, patienceMs: 10_000, signal: end.signal });
    expect(found.map(({ roundTripMs: _, ...rest }) => rest)).toEqual([
      { to: 'here', protocol: 'TCP', bytes: 64, result: 'ok', seen: '127.0.0.1' },
      { to: 'here', protocol: 'TCP', bytes: 102_400, result: 'ok', seen: '127.0.0.1' },
      { to: 'here', protocol: 'UDP', bytes: 64, result: 'ok', seen: '127.0.0.1' },
      { to: 'here', protocol: 'UDP', bytes: 3_000, result: 'ok', seen: '127.0.0.1' },
    ]);
    expect(found.every(({ roundTripMs }) => (roundTripMs ?? -1) >= 0)).toBe(true);
  });

  test('says why where nothing answers, and never throws for it', async () => {
    const port = await freePort();
    const targets: Target[] = [...here(['TCP']), { to: 'nowhere', host: 'no-such.invalid', protocols: ['UDP'] }];
    const found = await measureAll(targets, { port, patienceMs: 0, signal: end.signal });
    expect(found.map(({ to, result }) => `${to} ${result}`)).toEqual([
      'here failed',
      'here failed',
      'nowhere failed',
      'nowhere failed',
    ]);
    expect(found[0]?.why).toContain('ECONNREFUSED');
    expect(found[2]?.why).toMatch(/no-such\.invalid/);
  });

  test('waits for a server that comes a little later', async () => {
    const port = await freePort();
    const measuring = measureAll(here(['TCP']), { port, patienceMs: 20_000, signal: end.signal });
    await startReachServer(port, end.signal);
    expect((await measuring).map(({ result }) => result)).toEqual(['ok', 'ok']);
  });

  test('takes a connection that ends before all bytes are back for a failure', async () => {
    const server = createServer((socket) => socket.resume().end('127.0.0.1\nshort')).listen(0);
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const [found] = await measureAll(here(['TCP']), { port, patienceMs: 0, signal: end.signal });
    expect(found).toMatchObject({ result: 'failed', why: 'the connection was closed early' });
    await new Promise((resolve) => server.close(resolve));
  });

  test('ends with the reason of its signal', async () => {
    const port = await freePort();
    const measuring = measureAll(here(['TCP']), { port, patienceMs: 60_000, signal: end.signal });
    const reason = new Error('interrupted');
    end.abort(reason);
    await expect(measuring).rejects.toThrow('interrupted');
  });
});

test('the server leaves a datagram unanswered that is shorter than its answer', async () => {
  const { port } = await startReachServer(await freePort(), end.signal);
  const socket = createSocket('udp4');
  const answers: number[] = [];
  socket.on('message', (answer) => answers.push(answer.length));
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.send(Buffer.alloc(63));
  socket.send(Buffer.alloc(64));
  await once(socket, 'message');
  socket.close();
  expect(answers).toEqual([64]);
});

describe('what a client writes into its log', () => {
  test('is read back, and everything else is left out', () => {
    const entry = { to: 'pod there', protocol: 'TCP' as const, bytes: 64, result: 'ok' as const, roundTripMs: 1.5 };
    const log = `(node:1) Warning: old\n${measurementLines([entry])}{"to":"pod there","bytes":-1}\n{"to":"po`;
    expect(readMeasurements(log)).toEqual([entry]);
  });

  test('a list of targets that is none is refused', () => {
    expect(readTargets('[{"to":"a","host":"10.0.0.1","protocols":["UDP"]}]')).toHaveLength(1);
    expect(() => readTargets('[{"to":"a","host":"","protocols":[]}]')).toThrow();
  });
});
