import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';

declare const brand: unique symbol;
/**
 * SHA-256 of the SPKI of an identity key, 64 lower-case hex digits. Of the key and not of the certificate, so that a
 * certificate can be renewed under one identity.
 */
export type Fingerprint = string & { readonly [brand]: 'Fingerprint' };

/** @param key public or private key; of a private one the public half counts */
export function fingerprintOf(key: KeyObject): Fingerprint {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex') as Fingerprint;
}

/** `undefined` for an absent certificate: on a resumed session there is none, and no certificate is no identity. */
export function fingerprintOfCertificate(certificate: X509Certificate | undefined): Fingerprint | undefined {
  return certificate === undefined ? undefined : fingerprintOf(certificate.publicKey);
}

/** `undefined` where `text` is not 64 lower-case hex digits. */
export function parseFingerprint(text: string | undefined): Fingerprint | undefined {
  return text !== undefined && /^[0-9a-f]{64}$/.test(text) ? (text as Fingerprint) : undefined;
}

export { shortFingerprint } from '#pkg/api';
