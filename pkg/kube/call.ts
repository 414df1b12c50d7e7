import { type Clock, systemClock } from '#pkg/runtime';
import { errorOfAnswer, KubeError } from './errors.ts';
import type { Answer, Request, Transport } from './transport.ts';

/** Priority and fairness asks for a second: after so many the server is really overloaded and the caller shall know. */
const MAX_ATTEMPTS = 4;
/** A longer pause than this is the caller's decision, not ours. */
const MAX_WAIT_MS = 10_000;

/**
 * Sends a request and takes nothing but success: 400 and above throw. A 429 with Retry-After was not processed, so any
 * method is repeated after it; a PodDisruptionBudget refuses with 429 too, but without that header.
 */
export async function call(transport: Transport, request: Request, clock: Clock = systemClock): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await transport.send(request);
    if (answer.status < 400) return answer;
    const error = answerError(transport, request, answer);
    const hasHint = answer.headers['retry-after'] !== undefined;
    const waitMs = error.isTooManyRequests && hasHint ? error.retryAfterMs : undefined;
    if (waitMs === undefined || waitMs > MAX_WAIT_MS || attempt >= MAX_ATTEMPTS) throw error;
    await clock.sleep(waitMs, request.signal ?? new AbortController().signal);
  }
}

/** Like {@link call}, with the answer parsed. */
export async function callJson<T>(transport: Transport, request: Request, clock?: Clock): Promise<T> {
  const answer = await call(transport, request, clock);
  return parse<T>(transport, request, answer.body);
}

/** @throws KubeError `Malformed` where the body is not JSON: a proxy or another server answered 200 */
export function parse<T>(transport: Transport, request: Request, body: Buffer): T {
  try {
    // The API server is the one who checks types; what it sends is what we have asked for.
    return JSON.parse(body.toString('utf8')) as T;
  } catch (cause) {
    throw new KubeError(
      'Malformed',
      { attempted: attemptOf(request), where: transport.where, why: 'the answer is not JSON' },
      { cause },
    );
  }
}

function answerError(transport: Transport, request: Request, answer: Answer): KubeError {
  const retryAfter = answer.headers['retry-after'];
  return errorOfAnswer(
    { attempted: attemptOf(request), where: transport.where },
    answer.status,
    answer.body.toString('utf8'),
    typeof retryAfter === 'string' ? retryAfter : undefined,
  );
}

function attemptOf(request: Request): string {
  return request.attempted ?? `${request.method} ${request.path}`;
}
