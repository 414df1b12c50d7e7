import type { Server, Socket } from 'node:net';

export interface ConnectionLimits {
  /** Default 256: about 16 MiB of TLS state. */
  readonly max?: number;
  /** From one address; default 64, because many peers may stand behind one. */
  readonly maxPerSource?: number;
}

/** Knows every connection of a server that has not become a relay. */
export interface Connections {
  /** The connection of that address and port is counted elsewhere from now on. */
  release(socket: Socket): void;
  readonly size: number;
  /** Ends all of them at once. */
  destroyAll(): void;
}

/**
 * Refuses connections above a bound before TLS costs much. Keys are address and port, because the TLS socket that a
 * request sees is another object than the TCP socket that is counted.
 * @param server the server whose `connection` event gives raw TCP sockets
 */
export function limitConnections(server: Server, { max = 256, maxPerSource = 64 }: ConnectionLimits = {}): Connections {
  const open = new Map<string, Socket>();
  const perSource = new Map<string, number>();

  const drop = (key: string, source: string) => {
    if (!open.delete(key)) return;
    const left = (perSource.get(source) ?? 1) - 1;
    if (left === 0) perSource.delete(source);
    else perSource.set(source, left);
  };

  server.on('connection', (socket: Socket) => {
    const source = socket.remoteAddress ?? '';
    const key = keyOf(socket);
    if (open.size >= max || (perSource.get(source) ?? 0) >= maxPerSource) {
      socket.destroy();
      return;
    }
    open.set(key, socket);
    perSource.set(source, (perSource.get(source) ?? 0) + 1);
    socket.once('close', () => {
      if (open.get(key) === socket) drop(key, source);
    });
  });

  return {
    release: (socket) => drop(keyOf(socket), socket.remoteAddress ?? ''),
    get size() {
      return open.size;
    },
    destroyAll() {
      for (const socket of open.values()) socket.destroy();
    },
  };
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}`;
}
