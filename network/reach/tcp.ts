import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { addAbortSignal } from 'node:stream';

/** What one exchange gave. */
export interface Exchange {
  readonly roundTripMs: number;
  readonly seen?: string;
}

/**
 * Sends `bytes` bytes to a reach server, and reads them back.
 * @throws where it does not answer, closes early, sends back something else, or `signal` aborts
 */
export async function exchangeTcp(
  address: string,
  port: number,
  bytes: number,
  signal: AbortSignal,
): Promise<Exchange> {
  signal.throwIfAborted();
  const socket = addAbortSignal(signal, connect({ host: address, port, noDelay: true }));
  socket.on('error', () => undefined); // comes out of the waiting below too; a late one has nothing more to tell
  const payload = randomBytes(bytes);
  try {
    await once(socket, 'connect', { signal });
    let received = Buffer.alloc(0);
    let head = 0; // length of the first line, which says who we are
    let startedMs = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      if (head === 0) {
        head = received.indexOf('\n') + 1;
        if (head === 0) continue;
        startedMs = performance.now();
        socket.write(payload);
      }
      if (received.length >= head + bytes) break;
    }
    const roundTripMs = performance.now() - startedMs;
    const echo = received.subarray(head);
    if (head === 0 || echo.length < bytes) throw new Error('the connection was closed early');
    if (!echo.equals(payload)) throw new Error('other bytes came back than were sent');
    return { roundTripMs, seen: received.toString('utf8', 0, head - 1) };
  } finally {
    socket.destroy();
  }
}
