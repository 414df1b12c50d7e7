/** For tests: a server that speaks bytes over real sockets, so that it can misbehave in any way. Plain HTTP. */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Clock, fakeClock } from '#pkg/runtime';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers one request; may keep the socket for later. */
export type Answerer = (request: SeenRequest, reply: Reply, number: number) => void;

export interface Reply {
  readonly socket: Socket;
  /** A complete answer. The body is sent as it is where it is a string, as JSON otherwise. */
  json(status: number, body: unknown, headers?: Record<string, string>): void;
  /** Refuses as an API server does. */
  status(code: number, reason: string, message: string, headers?: Record<string, string>): void;
  /** The head of an answer that lasts. */
  begin(status?: number): void;
  /** One chunk of it. */
  write(text: string | Buffer): void;
  /** One event of a watch. */
  event(type: string, object: unknown): void;
  /** The bookmark after the initial events. */
  initialEnd(resourceVersion: string): void;
  /** Ends the answer in good order. */
  end(): void;
}

export interface ByteServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  readonly connections: number;
  /** Resets all open connections. */
  cut(): void;
}

export async function byteServer(answer: Answerer, port = 0): Promise<ByteServer> {
  const sockets = new Set<Socket>();
  const requests: SeenRequest[] = [];
  let connections = 0;
  const server: Server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    readRequests(socket, (request) => {
      requests.push(request);
      answer(request, replyOn(socket), requests.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the test server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    requests,
    get connections() {
      return connections;
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function readRequests(socket: Socket, onRequest: (request: SeenRequest) => void): void {
  let buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      const end = buffer.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [first = '', ...lines] = buffer.toString('latin1', 0, end).split('\r\n');
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
      );
      const length = Number(headers['content-length'] ?? 0);
      if (buffer.length < end + 4 + length) return;
      const body = buffer.toString('utf8', end + 4, end + 4 + length);
      buffer = buffer.subarray(end + 4 + length);
      const [method = '', target = ''] = first.split(' ');
      const url = new URL(target, 'http://server');
      onRequest({ method, path: url.pathname, query: url.searchParams, headers, body });
    }
  });
}

function replyOn(socket: Socket): Reply {
  const reply: Reply = {
    socket,
    json(status, body, headers = {}) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const head = {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(text)),
        ...headers,
      };
      socket.write(`${headOf(status, head)}${text}`);
    },
    status(code, reason, message, headers) {
      reply.json(code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message }, headers);
    },
    begin(status = 200) {
      socket.write(headOf(status, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }));
    },
    write(text) {
      const bytes = Buffer.from(text);
      socket.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]));
    },
    event: (type, object) => reply.write(`${JSON.stringify({ type, object })}\n`),
    initialEnd(resourceVersion) {
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      reply.event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion, annotations } });
    },
    end: () => void socket.write('0\r\n\r\n'),
  };
  return reply;
}

function headOf(status: number, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Status\r\n${lines.join('')}\r\n`;
}

/** Fake milliseconds for each turn of {@link rushedClock}. */
const RUSH_MS = 100;

/**
 * A clock that hurries: each turn of the event loop (about a millisecond) is a tenth of a second. Time is counted in
 * turns, so a machine under load slows sockets and clock alike.
 */
export function rushedClock(): Clock & AsyncDisposable {
  const clock = fakeClock();
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      await clock.advance(RUSH_MS);
      await setTimeout(1);
    }
  })();
  return {
    ...clock,
    async [Symbol.asyncDispose]() {
      isStopped = true;
      await running;
    },
  };
}
