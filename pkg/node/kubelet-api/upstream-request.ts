import { type IncomingMessage, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { KubeClient } from '#pkg/kube';
import { upstreamHeaders } from './stream-request.ts';

/** What the provider answered: an ordinary answer, or a byte stream after an upgrade. */
export type UpstreamAnswer =
  | { readonly upgraded: true; readonly head: IncomingMessage; readonly socket: Duplex; readonly first: Buffer }
  | { readonly upgraded: false; readonly head: IncomingMessage };

/**
 * Sends one request head to the provider on a connection of its own and waits, without a time-out, for the head of the
 * answer: the log of a silent container answers nothing for hours. The connection ends with the answer or with `signal`.
 * @param rawHeaders those of the caller, to be passed on where they may be
 */
export async function sendUpstream(
  client: KubeClient,
  request: { method: string; path: string; rawHeaders: readonly string[] },
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  const { method, path, rawHeaders } = request;
  const connection = await client.connect(signal);
  const headers = upstreamHeaders(rawHeaders, connection.headers, { host: connection.host, method });
  try {
    return await new Promise<UpstreamAnswer>((resolve, reject) => {
      // Node documents any Duplex here, its types know Socket only.
      const createConnection = () => connection.socket as Socket;
      const out = httpRequest({ method, path, headers, createConnection, signal });
      out.once('upgrade', (head, socket, first) => resolve({ upgraded: true, head, socket, first }));
      out.once('response', (head) => resolve({ upgraded: false, head }));
      out.on('error', reject);
      out.end();
    });
  } catch (error) {
    connection.socket.destroy();
    throw error;
  }
}
