import type { KeyObject } from 'node:crypto';
import { createPublicKey, randomBytes } from 'node:crypto';

/** A TLS certificate of an identity key. Says nothing that is trusted: both ends look at its key only. */
export interface IdentityCertificate {
  readonly certPem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Long enough that a renewal that fails for weeks harms nobody, short enough that renewal is a path that runs. */
const LIFETIME_MS = 90 * 24 * 3600 * 1000;
/** A peer's clock may be off by minutes, seldom by hours (T25). */
const BACKDATE_MS = 24 * 3600 * 1000;

/**
 * Self-signed certificate of `key`, valid from a day before `now` for 90 days after it. About 70 ms the first time: the
 * X.509 library is loaded here and nowhere else, so that commands that need no TLS do not pay for it.
 * @param key Ed25519 private key
 */
export async function certificateFor(key: KeyObject, now: Date): Promise<IdentityCertificate> {
  await import('reflect-metadata'); // before @peculiar/x509, which throws at import without it
  const { X509CertificateGenerator } = await import('@peculiar/x509');
  const keys = {
    privateKey: key.toCryptoKey('Ed25519', false, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey('Ed25519', true, ['verify']),
  };
  const notBefore = new Date(now.getTime() - BACKDATE_MS);
  const notAfter = new Date(now.getTime() + LIFETIME_MS);
  const serial = randomBytes(16);
  serial[0] = (serial[0] ?? 0) & 0x7f; // RFC 5280 4.1.2.2: a positive integer
  // The library's CryptoKey is the DOM's, which a Node program does not have; node:crypto's is the same at run time.
  type Create = Parameters<typeof X509CertificateGenerator.createSelfSigned>;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toString('hex'),
    name: 'CN=tombolo',
    notBefore,
    notAfter,
    signingAlgorithm: { name: 'Ed25519' },
    keys: keys as unknown as Create[0]['keys'],
  });
  return { certPem: certificate.toString('pem'), notBefore, notAfter };
}
