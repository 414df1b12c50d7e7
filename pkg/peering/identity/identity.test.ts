import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fakeClock } from '#pkg/runtime';
import { isPeeringError } from '../errors.ts';
import { fingerprintOfCertificate, parseFingerprint, shortFingerprint } from './fingerprint.ts';
import { identityFromPem, newIdentityPem } from './identity.ts';

const DAY_MS = 24 * 3600_000;

describe('identity', () => {
  test('a certificate shows the fingerprint of its key', async () => {
    const identity = identityFromPem(newIdentityPem(), 'test');
    const { certPem } = await identity.tls();
    expect(fingerprintOfCertificate(new X509Certificate(certPem))).toBe(identity.fingerprint);
    expect(parseFingerprint(identity.fingerprint)).toBe(identity.fingerprint);
  });

  test('the same key is the same identity wherever it is loaded', () => {
    const pem = newIdentityPem();
    expect(identityFromPem(pem, 'a').fingerprint).toBe(identityFromPem(pem, 'b').fingerprint);
  });

  test('its certificate is renewed before it ends, under the same fingerprint', async () => {
    const clock = fakeClock();
    const identity = identityFromPem(newIdentityPem(), 'test', clock);
    const [first, same] = await Promise.all([identity.tls(), identity.tls()]);
    expect(same.certPem).toBe(first.certPem);
    await clock.advance(59 * DAY_MS);
    expect((await identity.tls()).certPem).toBe(first.certPem);
    await clock.advance(2 * DAY_MS);
    const renewed = await identity.tls();
    expect(renewed.certPem).not.toBe(first.certPem);
    expect(renewed.notBefore.getTime()).toBeLessThan(first.notAfter.getTime());
    expect(fingerprintOfCertificate(new X509Certificate(renewed.certPem))).toBe(identity.fingerprint);
  });

  test('anything but an Ed25519 key is damaged, and the error holds nothing of it', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();
    for (const pem of ['', 'garbage', other, newIdentityPem().slice(0, 60)]) {
      try {
        identityFromPem(pem, 'Secret tombolo-system/tombolo-identity');
        expect.unreachable();
      } catch (error) {
        expect(isPeeringError(error, 'IdentityDamaged')).toBe(true);
        if (pem.length > 20) expect(String(error)).not.toContain(pem.slice(30, 50));
      }
    }
  });

  test('people compare 16 digits', () => {
    expect(shortFingerprint('1a2b3c4d5e6f70819'.padEnd(64, '0'))).toBe('1a2b-3c4d-5e6f-7081');
  });
});
