/** What pods say about themselves without any API server: one line over TCP for every start of a container. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

/** More than any test makes: a line per start of a container. */
const MAX_LINES = 10_000;

export interface Markers extends AsyncDisposable {
  /** All lines so far, in the order of their arrival. */
  readonly lines: readonly string[];
  /** Shell command (bash) that sends `text`, in which the shell replaces variables; fails where the line was not taken. */
  send(text: string): string;
}

/** Listens on this machine's address in the network of the node at `server` (a URL of that network). */
export async function collectMarkers(server: string): Promise<Markers> {
  const address = neighbourOf(new URL(server).hostname);
  const lines: string[] = [];
  const listener = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n') || lines.length === MAX_LINES) return;
      lines.push(text.trim());
      socket.end('ok\n', () => socket.destroy()); // the pod may keep its side open
    });
    socket.on('error', () => socket.destroy()); // a pod that is killed while it sends: its line counts only when whole
  });
  listener.listen(0, address);
  await once(listener, 'listening');
  const bound = listener.address();
  if (bound === null || typeof bound === 'string') throw new Error(`no port on ${address}`);
  return {
    lines,
    send: (text) =>
      `exec 3<>/dev/tcp/${address}/${bound.port}; echo "${text}" >&3; read -r answer <&3; [ "$answer" = ok ] || exit 9; exec 3>&-`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await once(listener, 'close');
    },
  };
}

function neighbourOf(peer: string): string {
  const network = (address: string) => address.split('.').slice(0, 3).join('.');
  const found = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .find(({ family, address }) => family === 'IPv4' && network(address) === network(peer));
  if (found === undefined) throw new Error(`this machine has no address in the network of ${peer}`);
  return found.address;
}
