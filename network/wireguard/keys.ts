import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { WireguardError } from './errors.ts';

const KEY_BYTES = 32;

/** RFC 8410: what stands before the raw private key in PKCS#8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** Canonical base64 of 32 bytes, as `wg` prints it. Made by `parsePublicKey` and `publicKeyOf` only. */
export type PublicKey = string & { readonly __brand: 'PublicKey' };

/**
 * A private or preshared key. Prints, logs and serialises as a placeholder: the key itself leaves only by `base64` and
 * `hex`, which are to be called where it is written to a device or a Secret.
 */
export class SecretKey {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES) throw wrongLength('read a secret key', bytes.length);
    this.#bytes = Buffer.from(bytes);
  }

  base64(): string {
    return this.#bytes.toString('base64');
  }

  /** Lower case, as the userspace socket wants it. */
  hex(): string {
    return this.#bytes.toString('hex');
  }

  equals(other: SecretKey | undefined): boolean {
    return other !== undefined && this.#bytes.equals(other.#bytes);
  }

  toString(): string {
    return '[secret key]';
  }

  toJSON(): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** X25519 (RFC 7748), clamped. 40–180 µs. */
export function generatePrivateKey(): SecretKey {
  const { privateKey } = generateKeyPairSync('x25519');
  return privateKeyFrom(Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url'));
}

export function generatePresharedKey(): SecretKey {
  return new SecretKey(randomBytes(KEY_BYTES));
}

/**
 * Takes base64 or 64 hex digits. The key comes back clamped (RFC 7748 section 5), since devices answer with the clamped
 * form: compared with another one, each `apply` would set the key anew and end all sessions.
 * @throws WireguardError `WireguardKeyInvalid`
 */
export function parsePrivateKey(text: string): SecretKey {
  return privateKeyFrom(decodeKey('read a private key', text));
}

/** @throws WireguardError `WireguardKeyInvalid` */
export function parsePresharedKey(text: string): SecretKey {
  return new SecretKey(decodeKey('read a preshared key', text));
}

/**
 * Takes base64 or 64 hex digits.
 * @throws WireguardError `WireguardKeyInvalid`, also for the key of zeros, which devices take for "none"
 */
export function parsePublicKey(text: string): PublicKey {
  const bytes = decodeKey('read a public key', text);
  if (bytes.every((byte) => byte === 0)) {
    throw new WireguardError('WireguardKeyInvalid', {
      attempted: 'read a public key',
      where: 'WireGuard',
      why: 'it consists of zeros',
    });
  }
  return bytes.toString('base64') as PublicKey;
}

export function publicKeyOf(privateKey: SecretKey): PublicKey {
  const der = Buffer.concat([PKCS8_PREFIX, Buffer.from(privateKey.hex(), 'hex')]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64') as PublicKey;
}

/** Lower case, as the userspace socket wants it. */
export function publicKeyHex(key: PublicKey): string {
  return Buffer.from(key, 'base64').toString('hex');
}

function privateKeyFrom(bytes: Uint8Array): SecretKey {
  const clamped = Uint8Array.from(bytes);
  clamped[0] = (clamped[0] ?? 0) & 0xf8;
  clamped[31] = ((clamped[31] ?? 0) & 0x7f) | 0x40;
  return new SecretKey(clamped);
}

/** Says what is wrong by length and alphabet only: the text may be a secret, or a secret in the place of a public key. */
function decodeKey(attempted: string, text: string): Buffer {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new WireguardError('WireguardKeyInvalid', {
      attempted,
      where: 'WireGuard',
      why: `its ${text.length} characters are neither base64 nor 64 hex digits`,
    });
  }
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== KEY_BYTES) throw wrongLength(attempted, bytes.length);
  // Two spellings of one key would be two peers: spare bits must be zero and the padding there.
  if (bytes.toString('base64') !== text) {
    throw new WireguardError('WireguardKeyInvalid', {
      attempted,
      where: 'WireGuard',
      why: 'it is not in canonical base64: 44 characters, of which the last is "="',
    });
  }
  return bytes;
}

function wrongLength(attempted: string, length: number): WireguardError {
  return new WireguardError('WireguardKeyInvalid', {
    attempted,
    where: 'WireGuard',
    why: `it has ${length} bytes, a key has ${KEY_BYTES}`,
  });
}
