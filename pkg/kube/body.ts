import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Clock } from '#pkg/runtime';
import { KubeError } from './errors.ts';
import { dripMeter } from './drip.ts';

/** Largest answer that is read as a whole: 500 objects of 128 KiB. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface BodyFacts {
  readonly attempted: string;
  readonly where: string;
}

/**
 * Reads a body to its end. It is always consumed or destroyed, because one unread body holds its connection for good.
 * @throws KubeError `TooLarge` above `maxBytes`, `TooSlow` below 1 kB/s; errors of the connection as they come
 */
export async function readBody(
  body: Readable,
  facts: BodyFacts,
  clock: Clock,
  maxBytes = MAX_BODY_BYTES,
): Promise<Buffer> {
  const drip = dripMeter(clock.now());
  const chunks: Buffer[] = [];
  let total = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(facts, maxBytes);
      drip.add(chunk.length);
      if (drip.isTooSlow(clock.now())) throw tooSlow(facts);
    }
  } finally {
    body.destroy();
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, total);
}

const gunzipAsync = promisify(gunzip);

/** Unpacks where the server packed; `request()` of undici does not. Bounded, or a small body becomes a huge one. */
export async function unpack(
  body: Buffer,
  encoding: string | string[] | undefined,
  facts: BodyFacts,
  maxBytes = MAX_BODY_BYTES,
): Promise<Buffer> {
  if (encoding !== 'gzip') return body;
  try {
    return await gunzipAsync(body, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(facts, maxBytes);
    throw new KubeError('Malformed', { ...facts, why: 'the answer says gzip and is not' }, { cause });
  }
}

export function tooLarge(facts: BodyFacts, maxBytes: number): KubeError {
  return new KubeError('TooLarge', { ...facts, why: `the answer is larger than ${maxBytes} bytes` });
}

export function tooSlow(facts: BodyFacts): KubeError {
  return new KubeError('TooSlow', { ...facts, why: 'the answer comes with less than 1 kB per second' });
}
