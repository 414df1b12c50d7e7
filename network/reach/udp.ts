import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { NONCE_BYTES } from './server.ts';
import type { Exchange } from './tcp.ts';

/**
 * Sends one datagram of `bytes` bytes to a reach server, and waits for its answer, which is as long.
 * @throws where the port is refused, the answer has another length, or `signal` aborts
 */
export async function exchangeUdp(
  address: string,
  port: number,
  bytes: number,
  signal: AbortSignal,
): Promise<Exchange> {
  signal.throwIfAborted();
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  socket.on('error', () => undefined); // comes out of the waiting below too; a late one has nothing more to tell
  try {
    // Connected, so that the kernel hands over answers of this address alone, and says when the port is refused.
    socket.connect(port, address);
    await once(socket, 'connect', { signal });
    const question = Buffer.alloc(bytes);
    randomBytes(NONCE_BYTES).copy(question);
    const startedMs = performance.now();
    socket.send(question);
    for (;;) {
      const [answer] = (await once(socket, 'message', { signal })) as [Buffer];
      if (!answer.subarray(0, NONCE_BYTES).equals(question.subarray(0, NONCE_BYTES))) continue;
      const roundTripMs = performance.now() - startedMs;
      if (answer.length !== bytes) throw new Error(`the answer has ${answer.length} bytes instead of ${bytes}`);
      const text = answer.toString('utf8', NONCE_BYTES);
      return { roundTripMs, seen: text.slice(0, text.indexOf('\n')) };
    }
  } finally {
    socket.close();
  }
}
