import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on the loopback that can be as bad as a network. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Resets all connections. */
  cut(): void;
  /** Ends the server's half of all connections in good order, and leaves the other open. */
  halfClose(): void;
  /** Refuses new connections and cuts those that exist, until `unblock`. */
  block(): void;
  unblock(): void;
  /** Connections made so far. */
  readonly connections: number;
}

export async function tcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<{ inner: Socket; outer: Socket }>();
  let isBlocked = false;
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    if (isBlocked) {
      inner.resetAndDestroy();
      return;
    }
    connections++;
    const outer = connect({ ...target, allowHalfOpen: true });
    const pair = { inner, outer };
    pairs.add(pair);
    inner.pipe(outer).pipe(inner);
    for (const socket of [inner, outer]) {
      socket.on('error', () => {
        inner.destroy();
        outer.destroy();
      });
      socket.on('close', () => pairs.delete(pair));
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const cut = () => {
    for (const { inner, outer } of pairs) {
      inner.resetAndDestroy();
      outer.destroy();
    }
  };
  return {
    port: address.port,
    cut,
    halfClose() {
      for (const { inner, outer } of pairs) {
        outer.unpipe(inner);
        inner.end();
      }
    },
    block() {
      isBlocked = true;
      cut();
    },
    unblock() {
      isBlocked = false;
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      for (const { inner, outer } of pairs) {
        inner.destroy();
        outer.destroy();
      }
      await new Promise((done) => server.close(done));
    },
  };
}
