import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type Clock, systemClock } from '#pkg/runtime';
import { PeeringError } from '../errors.ts';
import { certificateFor, type IdentityCertificate } from './certificate.ts';
import { type Fingerprint, fingerprintOf } from './fingerprint.ts';

/** What both ends of a TLS connection show: the key as PEM and a certificate of it. */
export interface TlsIdentity extends IdentityCertificate {
  readonly keyPem: string;
}

/** Who this cluster is: one Ed25519 key. Its name is for people and may change, its fingerprint may not. */
export interface Identity {
  readonly fingerprint: Fingerprint;
  /** Key and certificate for TLS. The certificate is made when asked for and again at two thirds of its life. */
  tls(): Promise<TlsIdentity>;
}

/**
 * @param pem PKCS#8 Ed25519 private key
 * @param where the place it was read from, for the error
 * @throws PeeringError `IdentityDamaged` if it is anything else; the message holds nothing of the key
 */
export function identityFromPem(pem: string, where: string, clock: Pick<Clock, 'wall'> = systemClock): Identity {
  const key = parseKey(pem, where);
  let current: Promise<TlsIdentity> | undefined;
  let renewAtMs = 0;
  return {
    fingerprint: fingerprintOf(createPublicKey(key)),
    tls() {
      const now = clock.wall();
      if (current === undefined || now.getTime() >= renewAtMs) {
        const made = certificateFor(key, now).then((certificate) => ({ ...certificate, keyPem: pemOf(key) }));
        current = made;
        made.then(
          ({ notAfter }) => {
            renewAtMs = now.getTime() + ((notAfter.getTime() - now.getTime()) * 2) / 3;
          },
          () => {
            // the caller sees the same rejection; the next one tries again
            current = undefined;
          },
        );
        renewAtMs = Number.POSITIVE_INFINITY; // until it is made, everybody waits for this one
      }
      return current;
    },
  };
}

/** A new identity key as PKCS#8 PEM. */
export function newIdentityPem(): string {
  return pemOf(generateKeyPairSync('ed25519').privateKey);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function parseKey(pem: string, where: string): KeyObject {
  const damaged = (why: string) =>
    new PeeringError('IdentityDamaged', { attempted: 'read the identity key', where, why });
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // no cause: the parser's message may quote what it could not read
    throw damaged('it is not a PEM private key');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw damaged(`it is a ${key.asymmetricKeyType} key, not Ed25519`);
  return key;
}
