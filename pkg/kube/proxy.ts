import { Client } from 'undici';
import type { Connector } from './config.ts';
import { KubeError } from './errors.ts';

/**
 * Opens streams through an HTTP proxy by CONNECT (RFC 9110, 9.3.6): `proxy-url` of a kubeconfig.
 * @param proxyUrl `http://…` or `https://…`, with user and password where the proxy wants them
 * @throws TypeError for another scheme (SOCKS is not supported)
 */
export function proxyConnector(proxyUrl: string): Connector {
  const url = new URL(proxyUrl);
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`a proxy of type "${url.protocol}" is not supported`);
  const headers = url.username === '' ? {} : { 'proxy-authorization': basic(url) };
  return async ({ host, port }, signal) => {
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const client = new Client(url.origin, { allowH2: false });
    try {
      const { statusCode, socket } = await client.connect({ path: authority, headers, signal });
      if (statusCode !== 200) {
        socket.destroy();
        throw new KubeError('Unreachable', {
          attempted: `connect to ${authority}`,
          where: `proxy ${url.origin}`,
          why: `the proxy answered ${statusCode}`,
        });
      }
      return socket;
    } finally {
      // The socket was handed over and stays open; nothing else goes through this client.
      await client.close();
    }
  };
}

function basic(url: URL): string {
  const plain = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(plain).toString('base64')}`;
}
