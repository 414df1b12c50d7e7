import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestbedError } from './errors.ts';

/** An API call of the bed itself answers within this or the server is not up. */
const REQUEST_TIMEOUT_MS = 5_000;
const POLL_MS = 100;
/** All calls may be made twice. A machine on which several clusters start at once was seen to leave one without an answer. */
const ATTEMPTS = 6;

class NoAnswer extends Error {}

/**
 * The few API calls that bring a cluster up. The bed does not use `pkg/kube`: a bug there must not be able to hide
 * itself by breaking the bed first.
 */
export interface ApiClient extends Disposable {
  get(path: string): Promise<ApiAnswer>;
  /** Server-side apply of a whole object. @throws unless the answer is 2xx */
  apply(path: string, object: object): Promise<void>;
  delete(path: string): Promise<ApiAnswer>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

export interface ApiCredentials {
  readonly address: string;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export async function apiClient(credentials: ApiCredentials): Promise<ApiClient> {
  const [ca, cert, key] = await Promise.all([
    readFile(credentials.caFile),
    readFile(credentials.certFile),
    readFile(credentials.keyFile),
  ]);
  const agent = new Agent({ ca, cert, key, keepAlive: true, maxSockets: 8 });
  const callOnce = (method: string, path: string, body?: string): Promise<ApiAnswer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        {
          agent,
          method,
          host: credentials.address,
          port: 6443,
          path,
          timeout: REQUEST_TIMEOUT_MS,
          headers: {
            accept: 'application/json',
            ...(body === undefined ? {} : { 'content-type': 'application/apply-patch+yaml' }),
          },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
          );
        },
      );
      const late = `${method} ${path} at ${credentials.address}: no answer within ${REQUEST_TIMEOUT_MS / 1000} s`;
      outgoing.on('timeout', () => outgoing.destroy(new NoAnswer(late)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const call = async (method: string, path: string, body?: string): Promise<ApiAnswer> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await callOnce(method, path, body);
      } catch (error) {
        if (!(error instanceof NoAnswer) || attempt === ATTEMPTS) throw error;
      }
    }
  };
  return {
    get: (path) => call('GET', path),
    delete: (path) => call('DELETE', path),
    async apply(path, object) {
      const answer = await call('PATCH', `${path}?fieldManager=testbed&force=true`, JSON.stringify(object));
      if (answer.status >= 300) throw new Error(`apply ${path}: HTTP ${answer.status}: ${messageOf(answer.text)}`);
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.slice(0, 300);
  }
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** Makes the error of the deadline; gets what the probe said last. */
  readonly late: (last: string) => Error | Promise<Error>;
}

/**
 * Asks until the probe says that nothing is missing (`undefined`). Its other answers and what it throws are waited out,
 * except a TestbedError: that one knows that waiting is in vain.
 */
export async function waitFor(probe: () => Promise<string | undefined>, options: WaitOptions): Promise<void> {
  const deadline = performance.now() + options.deadlineMs;
  for (;;) {
    options.signal.throwIfAborted();
    const missing = await probe().catch((error: Error) => {
      if (error instanceof TestbedError) throw error;
      return error.message;
    });
    if (missing === undefined) return;
    if (performance.now() > deadline) throw await options.late(missing);
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}
