import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPeeringError } from '../errors.ts';
import { hashOfSecret, type InviteToken, isSecretOf, mintInvite, newInviteSecret, parseInvite } from './token.ts';
import { parseFingerprint } from '../identity/fingerprint.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const fingerprint = parseFingerprint('ab'.repeat(32));
if (fingerprint === undefined) throw new Error('the fixture is no fingerprint');
const token: InviteToken = {
  invite: 'invite-1a2b3c4d',
  secret: newInviteSecret(),
  addresses: ['198.18.0.2:30443', '[fd00::2]:30443'],
  fingerprint,
  clusterName: 'rome',
  expiresAt: new Date('2026-03-01T13:00:00Z'),
};
const text = mintInvite(token);

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isPeeringError(error)) return error.code;
    throw error;
  }
  return 'accepted';
}
const parse = (pasted: string, now = NOW) => codeOf(() => parseInvite(pasted, { now }));

describe('invite tokens', () => {
  test('read back as minted', () => {
    expect(parseInvite(text, { now: NOW })).toEqual(token);
  });

  test('survive line breaks and blanks of a terminal', () => {
    expect(parseInvite(`  ${text.slice(0, 40)}\r\n  ${text.slice(40)}\n`, { now: NOW })).toEqual(token);
  });

  test('cut at any place are refused as cut', () => {
    for (let length = 'tombolo1.'.length + 1; length < text.length; length += 7) {
      expect(parse(text.slice(0, length))).toBe('InviteTruncated');
    }
  });

  test('with any one character changed are refused', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('');
    fc.assert(
      fc.property(fc.integer({ min: 9, max: text.length - 1 }), fc.constantFrom(...alphabet), (at, character) => {
        const altered = text.slice(0, at) + character + text.slice(at + 1);
        // The last character may carry two bits that decode to nothing; then the token is the same.
        if (altered === text || JSON.stringify(decoded(altered)) === JSON.stringify(decoded(text))) return;
        expect(['InviteAltered', 'InviteTruncated', 'NotAnInvite', 'InviteVersion']).toContain(parse(altered));
      }),
    );
  });

  test('of another version, of something else, and past their end have a sentence of their own', () => {
    expect(parse(text.replace('tombolo1.', 'tombolo2.'))).toBe('InviteVersion');
    expect(parse('eyJhbGciOiJIUzI1NiJ9.e30.x')).toBe('NotAnInvite');
    expect(parse('')).toBe('NotAnInvite');
    expect(parse(text, new Date('2026-03-01T14:00:00Z'))).toBe('InviteExpired');
  });

  test('are not refused for a clock that is two minutes fast', () => {
    expect(parse(text, new Date('2026-03-01T13:02:00Z'))).toBe('accepted');
  });

  test('no error holds the secret or a part of the token', () => {
    for (const bad of [text.slice(0, -9), `${text.slice(0, 50)}A${text.slice(51)}`, text.replace('1.', '7.')]) {
      try {
        parseInvite(bad, { now: NOW });
      } catch (error) {
        const said = JSON.stringify(error) + String(error) + String(error instanceof Error ? error.stack : '');
        expect(said).not.toContain(token.secret);
        expect(said).not.toContain(text.slice(9, 40));
      }
    }
  });

  test('a secret is known by its hash only', () => {
    const hash = hashOfSecret(token.secret);
    expect(hash).not.toContain(token.secret);
    expect(isSecretOf(token.secret, hash)).toBe(true);
    expect(isSecretOf(newInviteSecret(), hash)).toBe(false);
    expect(isSecretOf(token.secret, 'not hex')).toBe(false);
  });
});

function decoded(pasted: string): unknown {
  return Buffer.from(pasted.slice(9), 'base64url').toString('latin1');
}
