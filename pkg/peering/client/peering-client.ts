import { Agent, errors, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { isPeeringCode, isPeeringError, PeeringError } from '../errors.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import type { Identity } from '../identity/identity.ts';
import {
  type ApprovalAnswer,
  approvalAnswer,
  type CredentialsAnswer,
  credentialsAnswer,
  errorAnswer,
  type InfoAnswer,
  infoAnswer,
  MAX_BODY_BYTES,
  PATHS,
  type RedeemRequest,
  type RequestForApproval,
  type UnpeerAnswer,
  unpeerAnswer,
  type WithdrawAnswer,
  withdrawAnswer,
} from '../wire.ts';
import { parseAddress } from './address.ts';
import { dialPinned } from './dial.ts';

/** The peering API of one peer. Every method fails within about 10 s, and sends nothing to any other key. */
export interface PeeringClient extends AsyncDisposable {
  /** Idempotent for one key: the invite may be redeemed again until it ends. */
  redeem(request: RedeemRequest, signal: AbortSignal): Promise<CredentialsAnswer>;
  /** Asks to be let in, and how that stands; to be called again until somebody there has decided. Idempotent. */
  askApproval(request: RequestForApproval, signal: AbortSignal): Promise<ApprovalAnswer>;
  /** Takes the request back. Idempotent. */
  withdraw(signal: AbortSignal): Promise<WithdrawAnswer>;
  /** A new token for a peer that is lent to. */
  credentials(signal: AbortSignal): Promise<CredentialsAnswer>;
  info(signal: AbortSignal): Promise<InfoAnswer>;
  /** Ends the direction in which the other side lends to us. Idempotent; `NotPeered` means that it is gone already. */
  unpeer(signal: AbortSignal): Promise<UnpeerAnswer>;
  /** Its clock minus ours by its last answer, in milliseconds and exact to a second or two; undefined before the first. */
  readonly clockOffsetMs: number | undefined;
}

export interface PeeringClientOptions {
  readonly identity: Identity;
  readonly fingerprint: Fingerprint;
  /** `host:port`, tried in order, the one that answered last first. */
  readonly addresses: readonly string[];
  /** Sent as `user-agent`, so that the other side knows our version. */
  readonly version: string;
  /** For one address; default 3 s, so that three dead addresses leave room for a fourth within 10 s. */
  readonly connectTimeoutMs?: number;
}

type Method = 'GET' | 'POST' | 'DELETE';

/** For the answer after the connection stands. A redeem makes about ten objects there. */
const ANSWER_TIMEOUT_MS = 8_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 3_000;
/** For one call over all addresses (CLI-07: each try at most 10 s). */
const CALL_TIMEOUT_MS = 10_000;
/** Below the 10 s after which the server cuts idle connections: ours goes first, so no request meets a closed socket. */
const KEEP_ALIVE_MS = 8_500;

/** Connects nothing by itself; close it when the peer is gone. */
export function peeringClient(options: PeeringClientOptions): PeeringClient {
  const { identity, fingerprint, version, connectTimeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = options;
  let addresses = [...options.addresses];
  let attempted = 'reach the peer';
  let clockOffsetMs: number | undefined;
  const closing = new AbortController();
  const agent = new Agent({
    allowH2: false,
    connections: 2,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
    maxResponseSize: 4 * MAX_BODY_BYTES,
    connect({ hostname, port }, callback) {
      const host = hostname.replace(/^\[|\]$/g, '');
      const dial = { identity, fingerprint, timeoutMs: connectTimeoutMs, signal: closing.signal, attempted };
      dialPinned({ host, port: Number(port) }, dial).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
  });

  async function call<T>(
    what: string,
    method: Method,
    path: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    body?: object,
  ): Promise<T> {
    attempted = what;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    const failures: unknown[] = [];
    if (addresses.length === 0)
      throw new PeeringError('PeerUnreachable', {
        attempted: what,
        where: 'the peer',
        why: 'no address of it is known',
      });
    for (const address of addresses) {
      if (parseAddress(address) === undefined) {
        failures.push(
          new PeeringError('PeerUnreachable', {
            attempted: what,
            where: address.slice(0, 300),
            why: 'it is not host:port',
          }),
        );
        continue;
      }
      try {
        const answer = await exchange(what, address, {
          method,
          path,
          deadline,
          ...(body === undefined ? {} : { body }),
        });
        addresses = [address, ...addresses.filter((other) => other !== address)];
        return parseAnswer(answer, schema, { attempted: what, where: `${address} (TCP)` });
      } catch (error) {
        signal.throwIfAborted();
        // Another address of the same peer helps only where this one was not reached. An endpoint with another key may
        // be a stale address of somebody else, so the others are asked too before it counts.
        if (!isPeeringError(error, 'PeerUnreachable') && !isPeeringError(error, 'IdentityChanged')) throw error;
        failures.push(error);
        if (deadline.aborted) break;
      }
    }
    throw failureOf(what, failures);
  }

  async function exchange(
    what: string,
    address: string,
    request: { method: Method; path: string; body?: object; deadline: AbortSignal },
  ): Promise<{ status: number; text: string }> {
    try {
      const sentAt = Date.now();
      const answer: Dispatcher.ResponseData = await agent.request({
        origin: `https://${address}`,
        path: request.path,
        method: request.method,
        headers: { 'user-agent': `tombolo/${version}`, 'content-type': 'application/json' },
        body: request.method === 'POST' ? JSON.stringify(request.body ?? {}) : null,
        signal: request.deadline,
      });
      clockOffsetMs = clockOffset(answer.headers['date'], sentAt, Date.now()) ?? clockOffsetMs;
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (cause) {
      if (isPeeringError(cause)) throw cause;
      const where = `${address} (TCP)`;
      throw new PeeringError('PeerUnreachable', { attempted: what, where, why: whyOf(cause) }, { cause });
    }
  }

  return {
    redeem: (request, signal) => call('redeem the invite', 'POST', PATHS.redeem, credentialsAnswer, signal, request),
    askApproval: async (request, signal) => {
      const answer = await call('ask for approval', 'POST', PATHS.request, approvalAnswer, signal, request);
      return { ...answer, why: printable(answer.why) };
    },
    withdraw: (signal) => call('withdraw the request', 'DELETE', PATHS.request, withdrawAnswer, signal),
    credentials: (signal) => call('ask for a credential', 'POST', PATHS.credentials, credentialsAnswer, signal),
    info: (signal) => call('show our key to the peer', 'GET', PATHS.info, infoAnswer, signal),
    unpeer: (signal) => call('end the peering', 'POST', PATHS.unpeer, unpeerAnswer, signal),
    get clockOffsetMs() {
      return clockOffsetMs;
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the peering client was closed'));
      await agent.destroy();
    },
  };
}

function parseAnswer<T>(
  answer: { status: number; text: string },
  schema: z.ZodType<T>,
  facts: { attempted: string; where: string },
): T {
  let json: unknown;
  try {
    json = JSON.parse(answer.text);
  } catch {
    // no cause: it would quote an answer that may hold a token
    throw new PeeringError('UnexpectedAnswer', { ...facts, why: `status ${answer.status}, and the body is no JSON` });
  }
  if (answer.status >= 400) {
    const parsed = errorAnswer.safeParse(json);
    if (!parsed.success) throw new PeeringError('UnexpectedAnswer', { ...facts, why: `status ${answer.status}` });
    const { code, why } = parsed.data.error;
    const known = isPeeringCode(code) ? code : answer.status >= 500 ? 'PeerBusy' : 'UnexpectedAnswer';
    throw new PeeringError(known, { ...facts, why: printable(why) });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new PeeringError('UnexpectedAnswer', {
    ...facts,
    why: `its field ${JSON.stringify(field)} is not as expected`,
  });
}

/** The other side's words end in our conditions and terminals: one line, no control characters. */
function printable(text: string): string {
  return text.replace(/[^\P{C}]|\s+/gu, ' ').slice(0, 300);
}

/** The Date of an answer (RFC 9110, whole seconds, cut off) against the middle of the exchange. */
function clockOffset(date: unknown, sentAt: number, answeredAt: number): number | undefined {
  const there = typeof date === 'string' ? Date.parse(date) + 500 : Number.NaN;
  return Number.isNaN(there) ? undefined : there - (sentAt + answeredAt) / 2;
}

/** One error for all addresses; a single cause stays as it is. */
function failureOf(attempted: string, failures: readonly unknown[]): unknown {
  const changed = failures.find((failure) => isPeeringError(failure, 'IdentityChanged'));
  if (changed !== undefined || failures.length === 1) return changed ?? failures[0];
  const facts = failures.filter((failure) => isPeeringError(failure));
  const where = facts.map((failure) => failure.where).join(', ');
  const why = [...new Set(facts.map((failure) => failure.why))].join('; ');
  return new PeeringError('PeerUnreachable', { attempted, where, why }, { cause: new AggregateError(facts) });
}

function whyOf(cause: unknown): string {
  if (cause instanceof errors.HeadersTimeoutError || cause instanceof errors.BodyTimeoutError) {
    return `connected, but no answer within ${ANSWER_TIMEOUT_MS / 1000} s`;
  }
  if (cause instanceof errors.ResponseExceededMaxSizeError) return 'its answer is too long';
  if (cause instanceof DOMException && cause.name === 'TimeoutError')
    return `no answer within ${CALL_TIMEOUT_MS / 1000} s`;
  return cause instanceof Error ? cause.message.slice(0, 200) : 'it failed';
}
