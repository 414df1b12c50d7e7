import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { PeeringError } from '../errors.ts';
import { type Fingerprint, parseFingerprint } from '../identity/fingerprint.ts';

const PREFIX = 'tombolo1.';
const VERSION = 1;
/** 256 bits: nobody guesses it, so that one hash without salt is enough to store. */
const SECRET_BYTES = 32;
/** Two clocks differ by minutes at worst (T25); whoever issued the token judges its end exactly. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** 16 addresses and names are far below; a longer text is no token of ours. */
const MAX_LENGTH = 16_384;

/** What an invite says: where to go, whom to expect there, and the one-shot secret that opens the door. */
export interface InviteToken {
  /** Name of the Invite object there. */
  readonly invite: string;
  /** base64url of 32 random bytes. */
  readonly secret: string;
  /** `host:port` of the peering endpoint, in the order to try. */
  readonly addresses: readonly string[];
  readonly fingerprint: Fingerprint;
  /** What that cluster calls itself. */
  readonly clusterName: string;
  readonly expiresAt: Date;
}

const payload = z.object({
  version: z.int(),
  invite: z.string().min(1).max(63),
  secret: z.string().regex(/^[\w-]{43}$/),
  addresses: z.array(z.string().min(3).max(300)).min(1).max(16),
  fingerprint: z.string().transform((text, context) => {
    const fingerprint = parseFingerprint(text);
    if (fingerprint === undefined) context.addIssue('not a fingerprint');
    return fingerprint ?? z.NEVER;
  }),
  clusterName: z.string().min(1).max(253),
  expiresAt: z.iso.datetime(),
});

/** A new secret of an invite, base64url. */
export function newInviteSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** What an Invite object stores of the secret: SHA-256, lower-case hex. */
export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** Compares in constant time, so that an answer's delay tells nothing. */
export function isSecretOf(secret: string, hash: string): boolean {
  const wanted = Buffer.from(hash, 'hex');
  const given = Buffer.from(hashOfSecret(secret), 'hex');
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

/** The token as people copy it: `tombolo1.` and one line of base64url. Hold it like a password until it is used. */
export function mintInvite(token: InviteToken): string {
  const body = { version: VERSION, ...token, expiresAt: token.expiresAt.toISOString() };
  return PREFIX + Buffer.from(JSON.stringify({ ...body, checksum: checksumOf(body) })).toString('base64url');
}

/**
 * Reads a token that somebody pasted; line breaks and blanks in it are ignored. Checks nothing that only the issuer
 * knows.
 * @param options.now the time of this machine; a token is refused here only five minutes after its end
 * @throws PeeringError `NotAnInvite`, `InviteTruncated`, `InviteAltered`, `InviteVersion` or `InviteExpired`, none of
 *   them retryable; no message holds a part of the token
 */
export function parseInvite(text: string, options: { now: Date }): InviteToken {
  const compact = text.replace(/\s+/g, '');
  const refuse = refuser('read the invite', 'the token');
  const version = /^tombolo(\d+)\./.exec(compact)?.[1];
  if (version === undefined || compact.length > MAX_LENGTH)
    throw refuse('NotAnInvite', `it does not look like ${PREFIX}…`);
  if (`tombolo${version}.` !== PREFIX)
    throw refuse('InviteVersion', `it has version ${version}, and this is version ${VERSION}`);
  const encoded = compact.slice(PREFIX.length);
  if (!/^[\w-]*$/.test(encoded)) throw refuse('InviteAltered', 'it holds a character that no token has');
  const json = Buffer.from(encoded, 'base64url').toString();
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch {
    // no cause: the parser's message quotes the text, secret and all
    throw json.endsWith('"}')
      ? refuse('InviteAltered', 'a part of it was changed')
      : refuse('InviteTruncated', 'its end is missing');
  }
  if (typeof body !== 'object' || body === null) throw refuse('NotAnInvite', 'it holds something else');
  const { checksum, ...rest } = body as Record<string, unknown>;
  if (checksum !== checksumOf(rest)) throw refuse('InviteAltered', 'its checksum is wrong');
  if (rest['version'] !== VERSION)
    throw refuse('InviteVersion', `it has version ${String(rest['version'])}, and this is version ${VERSION}`);
  const parsed = payload.safeParse(rest);
  if (!parsed.success)
    throw refuse('NotAnInvite', `its field ${parsed.error.issues[0]?.path.join('.') ?? ''} is not valid`);
  const { expiresAt, version: _, ...token } = parsed.data;
  const end = new Date(expiresAt);
  if (options.now.getTime() > end.getTime() + CLOCK_TOLERANCE_MS)
    throw refuse('InviteExpired', `it expired at ${expiresAt}`);
  return { ...token, expiresAt: end };
}

function refuser(attempted: string, where: string) {
  return (code: ConstructorParameters<typeof PeeringError>[0], why: string) =>
    new PeeringError(code, { attempted, where, why });
}

/** Against slips of hand, not against forgers: those lack the secret. 32 bits miss one slip in four billion. */
function checksumOf(body: object): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 8);
}
