import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { HttpProblem } from './http-problem.ts';
import { answerOf, remotePod, type Upstream } from './upstream.ts';
import { sendUpstream } from './upstream-request.ts';

/** Options of a log request; they have the same names at the kubelet and at `pods/log`. */
const OPTIONS = [
  'follow',
  'previous',
  'sinceSeconds',
  'sinceTime',
  'timestamps',
  'tailLines',
  'limitBytes',
  'stream',
] as const;

/** Query of `pods/log` for the query of a kubelet's `containerLogs`. Options that we do not know are left out. */
function logQuery(query: URLSearchParams, container: string): URLSearchParams {
  const result = new URLSearchParams({ container });
  for (const name of OPTIONS) {
    const value = query.get(name);
    if (value !== null && value !== '') result.set(name, value);
  }
  return result;
}

/** Passes the log of a remote container through as it comes (POD-64). Ends with the caller. */
export async function serveLogs(
  upstream: Upstream,
  target: { pod: string; container: string; query: URLSearchParams },
  response: ServerResponse,
): Promise<void> {
  const { namespace, name } = remotePod(upstream, target.pod);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?${logQuery(target.query, target.container)}`;
  const what = `read the log of pod ${target.pod}`;
  const answer = await answerOf(
    upstream,
    what,
    (signal) => sendUpstream(upstream.peer.cluster.client, { method: 'GET', path, rawHeaders: [] }, signal),
    gone.signal,
  );
  const { head } = answer;
  const status = head.statusCode ?? 502;
  if (answer.upgraded || status >= 300) {
    // Of a status other than these two the API server hides the sentence from kubectl.
    throw new HttpProblem(status === 400 ? 400 : 500, await statusMessage(head, target.pod, name));
  }
  response.writeHead(status, { 'content-type': head.headers['content-type'] ?? 'text/plain' });
  response.flushHeaders();
  await pipeline(head, response).catch((error: unknown) => {
    if (!gone.signal.aborted) throw error; // the caller went away: nobody is left to be told
  });
}

/** Bounds what an error of the provider may take. */
const MAX_ERROR_BYTES = 64 * 1024;

/** The sentence of the provider's answer, with the names as the caller knows them. */
async function statusMessage(body: AsyncIterable<Uint8Array>, pod: string, remoteName: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_ERROR_BYTES) break;
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  let message = text;
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    // Not a Status but plain text: that is the message.
  }
  return message.replaceAll(`"${remoteName}"`, `"${pod.split('/')[1] ?? pod}"`);
}
