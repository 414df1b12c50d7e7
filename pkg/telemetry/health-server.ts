import { createServer } from 'node:http';
import type { Registry } from 'prom-client';

export interface HealthOptions {
  readonly port: number;
  readonly registry: Registry;
  /** What is not ready yet, or undefined when everything is. */
  readonly notReady: () => string | undefined;
  /** Longest stall of the event loop since the last look, milliseconds. */
  readonly loopLagMs: () => number;
}

/** A loop that stalls this long makes leases and probes late: better restarted than half alive. */
const MAX_LAG_MS = 10_000;

/**
 * Serves `/healthz` (500 after a stall of the event loop above 10 s), `/readyz` (503 and what is missing) and `/metrics`.
 * Resolves when the signal aborts and the port is closed; rejects where the port cannot be opened.
 */
export function serveHealth(options: HealthOptions, signal: AbortSignal): Promise<void> {
  const server = createServer((request, response) => {
    const send = (status: number, body: string, type = 'text/plain') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    switch (request.url ?? '') {
      case '/healthz': {
        const lag = options.loopLagMs();
        send(
          lag > MAX_LAG_MS ? 500 : 200,
          lag > MAX_LAG_MS ? `event loop stalled for ${Math.round(lag)} ms\n` : 'ok\n',
        );
        return;
      }
      case '/readyz': {
        const missing = options.notReady();
        send(missing === undefined ? 200 : 503, missing === undefined ? 'ok\n' : `${missing}\n`);
        return;
      }
      case '/metrics':
        options.registry.metrics().then(
          (text) => send(200, text, options.registry.contentType),
          (error: unknown) => send(500, String(error)),
        );
        return;
      default:
        send(404, 'not found\n');
    }
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 64;
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(options.port);
    const close = () => {
      server.close(() => done());
      server.closeAllConnections();
    };
    if (signal.aborted) close();
    else signal.addEventListener('abort', close, { once: true });
  });
}
