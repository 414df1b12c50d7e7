import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogger, type LogLevel } from './logger.ts';

function logged(level: LogLevel = 'debug') {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  return { lines, log: createLogger({ name: 'tombolo-test', level, destination }) };
}

/** Made at run time: scanners of repositories take such literals for leaked secrets. */
const jwt = ['eyJhbGciOiJSUzI1NiJ9', 'eyJzdWIiOiJ0ZW5hbnQifQ', 'c2lnbmF0dXJl'].join('.');
const pem = ['-----BEGIN PRIVATE', 'KEY-----\nMC4CAQAwBQYDK2Vw\n-----END PRIVATE', 'KEY-----'].join(' ');
const invite = `tombolo1.${'A'.repeat(40)}`;

describe('createLogger', () => {
  test('writes one JSON line with time, process, fields of the children and the sentence', () => {
    const { lines, log } = logged();
    log.child({ peer: 'milan' }).child({ kind: 'Pod' }).warn({ key: 'shop/web' }, 'reconcile failed');
    expect(lines).toEqual([
      {
        level: 40,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        name: 'tombolo-test',
        peer: 'milan',
        kind: 'Pod',
        key: 'shop/web',
        msg: 'reconcile failed',
      },
    ]);
  });

  test('leaves out what is below the level, also in children', () => {
    const { lines, log } = logged('warn');
    log.child({ peer: 'milan' }).info({}, 'nothing new');
    log.debug({}, 'nothing at all');
    expect(lines).toEqual([]);
  });

  test('an error in a field is written with message, stack and cause', () => {
    const { lines, log } = logged();
    log.error({ failure: new TypeError('outer', { cause: new Error('inner') }) }, 'defect');
    expect(lines[0]?.['failure']).toMatchObject({ name: 'TypeError', message: 'outer', cause: { message: 'inner' } });
  });

  test.each([
    ['a token by its field', { token: 'abc' }],
    ['a Secret of Kubernetes', { object: { kind: 'Secret', data: { password: 'YWJj' }, stringData: { a: 'YWJj' } } }],
    ['a header', { headers: { Authorization: 'Bearer YWJjYWJjYWJj' } }],
    ['a key by its name', { identity: { privateKeyPem: 'YWJj' }, tunnel: [{ presharedKey: 'YWJj' }] }],
    ['a token inside a sentence', { error: `401: Bearer YWJjYWJjYWJj was refused` }],
    ['a token of a service account anywhere', { note: jwt, list: [`x ${jwt} y`] }],
    ['a private key anywhere', { note: `read ${pem}` }],
    ['an invite anywhere', { argv: ['peer', invite] }],
    ['a password in a URL', { proxy: 'http://me:YWJj@proxy:3128' }],
    ['an error that quotes a secret', { err: new Error(`bad token ${jwt}`, { cause: new Error(pem) }) }],
  ])('hides %s', (_what, fields) => {
    const { lines, log } = logged();
    log.info(fields, 'line');
    log.child(fields).info({}, 'line of a child');
    const text = JSON.stringify(lines);
    for (const secret of ['abc"', 'YWJj', jwt, 'MC4CAQ', 'AAAA']) expect(text).not.toContain(secret);
    expect(text.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(2);
  });

  test('hides secrets in the sentence itself', () => {
    const { lines, log } = logged();
    log.info({}, `redeemed ${invite} for ${jwt}`);
    expect(lines[0]?.['msg']).toBe('redeemed [redacted] for [redacted]');
  });

  test('keeps what only sounds secret', () => {
    const { lines, log } = logged();
    const fields = { key: 'shop/web', tokenExpiresInSeconds: 600, secretName: 'tombolo-peer-milan', relay: true };
    log.info(fields, 'token renewed');
    expect(lines[0]).toMatchObject({ ...fields, msg: 'token renewed' });
  });

  test('an object that contains itself, is deep, or is huge is cut and not the end', () => {
    const { lines, log } = logged();
    const circular: Record<string, unknown> = { name: 'x', bytes: Buffer.alloc(1_000_000) };
    circular['self'] = circular;
    log.info({ circular, list: Array.from({ length: 100_000 }, (_, i) => i) }, 'big');
    expect(JSON.stringify(lines[0]).length).toBeLessThan(5_000);
  });

  test('no token survives at any place in any object', () => {
    const place = (value: string) =>
      fc.letrec((tie) => ({
        node: fc.oneof(
          { maxDepth: 4 },
          fc.constant(value),
          fc.array(tie('node'), { maxLength: 3 }),
          fc.dictionary(fc.string(), tie('node'), { maxKeys: 3 }),
          fc.string().map((text) => `${text} ${value} ${text}`),
        ),
      })).node;
    fc.assert(
      fc.property(place(jwt), (field) => {
        const { lines, log } = logged();
        log.info({ field }, 'line');
        expect(JSON.stringify(lines)).not.toContain(jwt);
      }),
    );
  });
});
