import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import type * as X509 from '@peculiar/x509';

/** CA and serving certificate of the webhooks, as PEM. What the Secret holds. */
export interface CertificateSet {
  readonly caCertPem: string;
  readonly caKeyPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

const DAY_MS = 24 * 3600 * 1000;
/** Renewed every 60 days: rarely enough to cost nothing, often enough that renewal is a path that runs. */
const SERVING_LIFE_MS = 90 * DAY_MS;
const CA_LIFE_MS = 3650 * DAY_MS;
/** A third of its life is left for a renewal that fails. */
const RENEW_AT = 2 / 3;
/** The API server's clock may be behind ours. */
const BACKDATE_MS = 3600 * 1000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const CA_NAME = 'CN=tombolo-webhook-ca';

/**
 * A set that serves for `dnsNames` at `now`: `standing` itself where it is good, else with a new serving certificate, else
 * with a new CA. A CA that is renewed keeps its key and name, so certificates it signed earlier stay valid under it.
 */
export async function renewCertificates(
  standing: CertificateSet | undefined,
  dnsNames: readonly string[],
  now: Date,
): Promise<CertificateSet> {
  const ca = standing === undefined ? undefined : readCa(standing);
  if (ca === undefined || standing === undefined) return await issueAll(newKey(), dnsNames, now);
  if (isDue(ca.certificate, now)) return await issueAll(ca.key, dnsNames, now);
  if (isServing(standing, ca.certificate, dnsNames, now)) return standing;
  return { ...standing, ...(await issueServing({ certPem: standing.caCertPem, key: ca.key }, dnsNames, now)) };
}

/** Undefined where the CA cannot be used: absent, unreadable, or key and certificate do not belong together. */
function readCa({ caCertPem, caKeyPem }: CertificateSet): { certificate: X509Certificate; key: KeyObject } | undefined {
  try {
    const certificate = new X509Certificate(caCertPem);
    const key = createPrivateKey(caKeyPem);
    return certificate.ca && certificate.checkPrivateKey(key) ? { certificate, key } : undefined;
  } catch {
    return undefined; // somebody wrote into the Secret: a new CA heals it, and every replica takes it up
  }
}

function isServing(set: CertificateSet, ca: X509Certificate, dnsNames: readonly string[], now: Date): boolean {
  try {
    const certificate = new X509Certificate(set.certPem);
    const fits = certificate.checkPrivateKey(createPrivateKey(set.keyPem)) && certificate.verify(ca.publicKey);
    return fits && !isDue(certificate, now) && dnsNames.every((name) => certificate.checkHost(name) !== undefined);
  } catch {
    return false; // unreadable: issued anew
  }
}

function isDue(certificate: X509Certificate, now: Date): boolean {
  const from = certificate.validFromDate.getTime();
  return now.getTime() < from || now.getTime() > from + (certificate.validToDate.getTime() - from) * RENEW_AT;
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

async function issueAll(caKey: KeyObject, dnsNames: readonly string[], now: Date): Promise<CertificateSet> {
  const certPem = await issueCa(caKey, now);
  const serving = await issueServing({ certPem, key: caKey }, dnsNames, now);
  return { caCertPem: certPem, caKeyPem: pemOf(caKey), ...serving };
}

async function issueCa(key: KeyObject, now: Date): Promise<string> {
  const x509 = await library();
  const extensions = [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectKeyIdentifierExtension(keyId(key)),
  ];
  return await issue({ subject: CA_NAME, publicKey: key, signer: key, life: CA_LIFE_MS, extensions, now });
}

async function issueServing(
  ca: { certPem: string; key: KeyObject },
  dnsNames: readonly string[],
  now: Date,
): Promise<Pick<CertificateSet, 'certPem' | 'keyPem'>> {
  const x509 = await library();
  const key = newKey();
  const extensions = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
    new x509.AuthorityKeyIdentifierExtension(keyId(ca.key)),
  ];
  const subject = 'CN=tombolo-webhook';
  const certPem = await issue({ subject, publicKey: key, signer: ca.key, life: SERVING_LIFE_MS, extensions, now });
  return { certPem, keyPem: pemOf(key) };
}

interface Issue {
  readonly subject: string;
  /** Key that the certificate is for; its private half, of which only the public one is used. */
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly life: number;
  readonly extensions: InstanceType<Library['Extension']>[];
  readonly now: Date;
}

async function issue({ subject, publicKey, signer, life, extensions, now }: Issue): Promise<string> {
  const x509 = await library();
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x01; // RFC 5280 4.1.2.2: positive, and no leading zero byte
  // The library's CryptoKey is the DOM's, which a Node program does not have; node:crypto's is the same at run time.
  type Options = Parameters<Library['X509CertificateGenerator']['create']>[0];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString('hex'),
    subject,
    issuer: CA_NAME,
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + life),
    publicKey: createPublicKey(publicKey).toCryptoKey(ALGORITHM, true, ['verify']),
    signingKey: signer.toCryptoKey(ALGORITHM, false, ['sign']),
    signingAlgorithm: ALGORITHM,
    extensions,
  } as unknown as Options);
  return certificate.toString('pem');
}

type Library = typeof X509;

/** Loaded when a certificate is due and not before: 70 ms. */
async function library(): Promise<Library> {
  await import('reflect-metadata'); // before @peculiar/x509, which throws at import without it
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  return x509;
}

/** Key identifier as hex: any value that is the same for the same key (RFC 5280 4.2.1.2). */
function keyId(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, 40);
}
