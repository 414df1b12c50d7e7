import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generatePrivateKey, parsePrivateKey, parsePublicKey, publicKeyHex, publicKeyOf, SecretKey } from './keys.ts';

describe('keys', () => {
  test('keep their public key through base64, hex and clamping', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const key = parsePrivateKey(Buffer.from(bytes).toString('base64'));
        expect(parsePrivateKey(key.hex()).equals(key)).toBe(true);
        expect(publicKeyOf(parsePrivateKey(key.base64()))).toBe(publicKeyOf(key));
        expect(parsePublicKey(publicKeyHex(publicKeyOf(key)))).toBe(publicKeyOf(key));
      }),
      { numRuns: 30 },
    );
  });

  test('never print a secret', () => {
    const key = generatePrivateKey();
    const printed = [`${key}`, inspect({ key }), JSON.stringify({ key })].join(' ');
    expect(printed).not.toContain(key.base64());
    expect(printed).not.toContain(key.hex());
  });

  test.each([
    ['31 bytes', Buffer.alloc(31, 7).toString('base64'), 'it has 31 bytes, a key has 32'],
    ['33 bytes', Buffer.alloc(33, 7).toString('base64'), 'it has 33 bytes, a key has 32'],
    ['another alphabet', `${'_'.repeat(43)}=`, 'neither base64 nor 64 hex digits'],
    ['no padding', Buffer.alloc(32, 7).toString('base64').slice(0, 43), 'not in canonical base64'],
    ['zeros', Buffer.alloc(32).toString('base64'), 'it consists of zeros'],
  ])('refuse %s without quoting it', (_, text, why) => {
    expect(() => parsePublicKey(text)).toThrow(why);
    expect(() => parsePublicKey(text)).not.toThrow(text);
    expect(() => new SecretKey(Buffer.alloc(31))).toThrow('31 bytes');
  });
});
