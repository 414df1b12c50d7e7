import { describe, expect, test } from 'vitest';
import { errorOfAnswer, errorOfConnection, errorOfStatus, KubeError } from './errors.ts';

const FACTS = { attempted: 'get Pod shop/web', where: 'https://192.0.2.1:6443 (cluster rome)' };

describe('an answer of the server', () => {
  test.each([
    [401, 'Unauthorized', 'Unauthorized'],
    [403, 'Forbidden', 'Forbidden'],
    [404, 'NotFound', 'NotFound'],
    [409, 'AlreadyExists', 'AlreadyExists'],
    [409, 'Conflict', 'Conflict'],
    [410, 'Expired', 'Gone'],
    [422, 'Invalid', 'Invalid'],
    [429, 'TooManyRequests', 'TooManyRequests'],
    [400, 'BadRequest', 'BadRequest'],
    [405, 'MethodNotAllowed', 'BadRequest'],
    [408, '', 'ServerFailed'],
    [500, 'InternalError', 'ServerFailed'],
    [504, 'Timeout', 'ServerFailed'],
  ])('%i %s becomes %s', (status, reason, code) => {
    const body = JSON.stringify({ kind: 'Status', reason, message: 'because' });
    const error = errorOfAnswer(FACTS, status, body);
    expect(error.code).toBe(code);
    expect(error.status).toBe(status);
    expect(error.why).toBe('because');
  });

  test('what cannot get better by trying again is not retryable', () => {
    expect(errorOfAnswer(FACTS, 422, '').retryable).toBe(false);
    expect(errorOfAnswer(FACTS, 400, '').retryable).toBe(false);
    expect(errorOfAnswer(FACTS, 403, '').retryable).toBe(true);
    expect(errorOfAnswer(FACTS, 503, '').retryable).toBe(true);
  });

  test('says what was attempted, where, why and what next', () => {
    const body = JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'pods "web" not found' });
    expect(errorOfAnswer(FACTS, 404, body).message).toBe(
      'get Pod shop/web: https://192.0.2.1:6443 (cluster rome): pods "web" not found; check the name and the namespace',
    );
  });

  test("a proxy's page is cut to what helps to recognise it", () => {
    const error = errorOfAnswer(FACTS, 502, `<html>Bad gateway${' '.repeat(10_000)}</html>`);
    expect(error.why).toMatch(/^<html>Bad gateway/);
    expect(error.why.length).toBeLessThan(300);
    expect(errorOfAnswer(FACTS, 502, '').why).toBe('the server answered 502');
  });

  test('Retry-After comes from the header in seconds or as a date, else from the details, and is bounded', () => {
    expect(errorOfAnswer(FACTS, 429, '', '7').retryAfterMs).toBe(7_000);
    const inAMinute = errorOfAnswer(FACTS, 429, '', new Date(Date.now() + 60_000).toUTCString()).retryAfterMs ?? 0;
    expect(Math.abs(inAMinute - 60_000)).toBeLessThan(2_000);
    expect(errorOfStatus(FACTS, { code: 429, details: { retryAfterSeconds: 3 } }).retryAfterMs).toBe(3_000);
    expect(errorOfAnswer(FACTS, 429, '', '99999999').retryAfterMs).toBe(300_000);
    expect(errorOfAnswer(FACTS, 429, '', 'soon').retryAfterMs).toBeUndefined();
  });
});

describe('a connection without an answer', () => {
  test('names the cause of a dual-stack refusal, which has no message of its own', () => {
    const refused = Object.assign(new Error(''), { code: 'ECONNREFUSED' });
    const error = errorOfConnection(FACTS, new AggregateError([refused], ''));
    expect(error.why).toBe('connection refused (ECONNREFUSED)');
    expect(error).toMatchObject({ isConnection: true, status: 0, retryable: true, code: 'Unreachable' });
  });

  test('tells a rejected certificate from a broken link', () => {
    const cause = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    const error = errorOfConnection(FACTS, cause);
    expect(error.code).toBe('CertificateRejected');
    expect(error.why).toContain('self-signed certificate');
  });

  test('an error that is ours already passes through', () => {
    const ours = new KubeError('TooSlow', { ...FACTS, why: 'slow' });
    expect(errorOfConnection(FACTS, ours)).toBe(ours);
  });
});
