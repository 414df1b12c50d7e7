import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { answerProblem } from './http-problem.ts';
import type { StreamKind } from './routes.ts';
import { upstreamPath } from './stream-request.ts';
import { answerOf, remotePod, type Upstream } from './upstream.ts';
import { sendUpstream } from './upstream-request.ts';

/** After one end has said that it is done, the other has this long to follow. */
const HALF_OPEN_MS = 60_000;
/** Notices a peer that vanished without a word. */
const KEEP_ALIVE_MS = 15_000;

export interface StreamTarget {
  readonly kind: StreamKind;
  readonly pod: string;
  readonly container: string | undefined;
  readonly query: URLSearchParams;
}

/**
 * Tunnels one exec, attach or port-forward: the request head is rewritten for the provider and sent there, and from
 * then on bytes are copied both ways. No stream protocol is known here, so SPDY and WebSocket work alike (POD-65).
 * Resolves when the stream has ended; every failure before it is answered to the caller.
 * @param first bytes that the caller sent right after the head
 */
export async function tunnel(
  upstream: Upstream,
  target: StreamTarget,
  caller: { request: IncomingMessage; socket: Duplex; first: Buffer },
): Promise<void> {
  const { request, socket } = caller;
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  socket.on('error', () => gone.abort()); // `close` follows; without a listener the error would end the process
  try {
    const path = upstreamPath(target.kind, remotePod(upstream, target.pod), target.container, target.query);
    const { method = 'GET', rawHeaders } = request;
    const answer = await answerOf(
      upstream,
      `${target.kind} into pod ${target.pod}`,
      (signal) => sendUpstream(upstream.peer.cluster.client, { method, path, rawHeaders }, signal),
      gone.signal,
    );
    if (answer.upgraded) {
      socket.write(headOf(answer.head));
      if (answer.first.length > 0) socket.write(answer.first);
      if (caller.first.length > 0) answer.socket.write(caller.first);
      await join(socket, answer.socket);
    } else {
      const response = responseOn(request, socket);
      response.writeHead(answer.head.statusCode ?? 502, { ...plainHeaders(answer.head), connection: 'close' });
      await pipeline(answer.head, response);
    }
  } catch (error) {
    if (gone.signal.aborted) return; // the caller went away: nobody is left to be told
    refuse(request, socket, error);
  }
}

/** Answers an upgrade request with `error` and closes the connection. */
export function refuse(request: IncomingMessage, socket: Duplex, error: unknown): void {
  if (socket.destroyed) return;
  answerProblem(responseOn(request, socket), error);
}

/** Copies bytes both ways until both ends are done. An end that breaks breaks the other; half-closing is passed on. */
function join(a: Duplex, b: Duplex): Promise<void> {
  for (const end of [a, b]) {
    const socket = end as Partial<Socket>;
    socket.setNoDelay?.(true);
    socket.setKeepAlive?.(true, KEEP_ALIVE_MS);
    socket.setTimeout?.(0);
  }
  return new Promise((resolve) => {
    let halfOpen: NodeJS.Timeout | undefined;
    const close = () => {
      a.destroy();
      b.destroy();
      clearTimeout(halfOpen);
      resolve();
    };
    const waitForOther = () => {
      halfOpen ??= setTimeout(close, HALF_OPEN_MS).unref();
    };
    for (const end of [a, b]) {
      end.once('error', close);
      end.once('close', close);
      end.once('end', waitForOther);
    }
    a.pipe(b).pipe(a);
  });
}

/** The head of the provider's 101, as it came: it holds the protocol that was chosen. */
function headOf(head: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${head.statusCode} ${head.statusMessage}`];
  for (let i = 0; i + 1 < head.rawHeaders.length; i += 2)
    lines.push(`${head.rawHeaders[i]}: ${head.rawHeaders[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Headers of an ordinary answer that mean something to the caller; framing is ours. */
function plainHeaders(head: IncomingMessage): Record<string, string> {
  const type = head.headers['content-type'];
  return type === undefined ? {} : { 'content-type': type };
}

function responseOn(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once('finish', () => {
    response.detachSocket(socket as Socket);
    socket.end();
  });
  return response;
}
