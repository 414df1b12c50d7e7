import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export interface HealthOptions {
  /** TCP, on all addresses; 0 takes a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** What is not ready yet, or undefined when everything is. Asked at each `/readyz`, so it must be quick. */
  readonly notReady: () => string | undefined;
  /** Longest stall of the event loop since the last look, milliseconds. */
  readonly loopLagMs: () => number;
  /** Longest stall that is still alive; default 10 s. */
  readonly maxLoopLagMs?: number;
  /** Told the port once it is open. */
  readonly onListening?: (port: number) => void;
}

/** A loop that stalls this long makes leases and probes late: better restarted than half alive. */
const MAX_LAG_MS = 10_000;
/** Probes and scrapes are small and few; who drips or hoards connections is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
}

/**
 * Serves `/healthz` (500 after a stall of the event loop above the bound), `/readyz` (503 and what is missing) and
 * `/metrics`, for GET and HEAD. Resolves when the signal aborts and the port is closed; rejects where the port cannot be
 * opened.
 */
export function serveHealth(options: HealthOptions, signal: AbortSignal): Promise<void> {
  const server = createServer((request, response) => {
    // Whatever a callback throws is the answer of this request and not the end of the process.
    Promise.try(answer, request, options).then(
      (result) => send(response, result),
      (error: unknown) => send(response, { status: 500, body: `${error instanceof Error ? error.message : error}\n` }),
    );
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((done, fail) => {
    server.on('error', (cause) =>
      fail(new Error(`serve health and metrics: port ${options.port} (TCP): ${cause.message}`, { cause })),
    );
    server.listen(options.port, () => options.onListening?.((server.address() as AddressInfo).port));
    const close = () => {
      server.close(() => done());
      server.closeAllConnections();
    };
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
}

async function answer(request: IncomingMessage, options: HealthOptions): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'only GET and HEAD\n' };
  const path = request.url?.split('?', 1)[0];
  if (path === '/healthz') return liveness(options);
  if (path === '/readyz') return readiness(options);
  if (path !== '/metrics') return { status: 404, body: 'not found\n' };
  const { registry } = options;
  return { status: 200, body: await registry.metrics(), type: registry.contentType };
}

function liveness({ loopLagMs, maxLoopLagMs = MAX_LAG_MS }: HealthOptions): Answer {
  const lag = loopLagMs();
  return lag > maxLoopLagMs
    ? { status: 500, body: `event loop stalled for ${Math.round(lag)} ms\n` }
    : { status: 200, body: 'ok\n' };
}

function readiness({ notReady }: HealthOptions): Answer {
  const missing = notReady();
  return missing === undefined ? { status: 200, body: 'ok\n' } : { status: 503, body: `${missing}\n` };
}

function send(response: ServerResponse, { status, body, type = 'text/plain' }: Answer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
