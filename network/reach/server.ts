import { createSocket, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** More at once than any matrix opens. */
const MAX_CONNECTIONS = 256;
const IDLE_MS = 15_000;

/** Room in a UDP answer for a nonce and an address; shorter questions get none. */
export const UDP_HEAD = 64;
/** At the beginning of a UDP question, and repeated in its answer. */
export const NONCE_BYTES = 8;

/**
 * Answers TCP and UDP on `port` until the signal aborts. TCP: one line with the address of the client, then everything that
 * it sends, sent back. UDP: an answer as long as the question, which repeats its nonce and holds the address; never longer,
 * so that nobody can use it against a forged sender.
 * @returns when everything is closed
 * @throws the error of the socket that could not be opened
 */
export async function startReachServer(
  port: number,
  signal: AbortSignal,
): Promise<{ port: number; ended: Promise<void> }> {
  const open = new Set<Socket>();
  const tcp = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy()); // a client that went away: it knows
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.write(`${plain(socket.remoteAddress ?? '')}\n`);
    socket.pipe(socket);
  });
  tcp.maxConnections = MAX_CONNECTIONS;
  tcp.listen(port);
  await once(tcp, 'listening');
  const address = tcp.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  const four = await openUdp('udp4', bound);
  // A host without IPv6 cannot open it, and needs none.
  const six = await openUdp('udp6', bound).catch(() => undefined);
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      four.close();
      six?.close();
      for (const socket of open) socket.destroy();
      tcp.close(() => resolve());
    };
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  return { port: bound, ended };
}

async function openUdp(type: SocketType, port: number) {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (question, from) => {
    if (question.length < UDP_HEAD) return;
    const answer = Buffer.alloc(question.length);
    question.copy(answer, 0, 0, NONCE_BYTES);
    answer.write(`${plain(from.address)}\n`, NONCE_BYTES);
    socket.send(answer, from.port, from.address, () => undefined); // an answer that is lost is asked for again
  });
  socket.bind(port);
  await once(socket, 'listening');
  return socket;
}

/** An IPv4 client of an IPv6 socket without the prefix. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}
