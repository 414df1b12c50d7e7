/** What a serving certificate is asked for. */
export interface CertificateNames {
  readonly commonName: string;
  readonly organization: string;
  /** IP addresses, v4 or v6, as text. */
  readonly addresses: readonly string[];
}

/** A parsed PKCS#10 request (RFC 2986). */
export interface ReadRequest {
  readonly commonNames: readonly string[];
  readonly organizations: readonly string[];
  readonly addresses: readonly string[];
  /** Subject alternative names that are no IP address, as `type:value`. */
  readonly otherNames: readonly string[];
  /** Whether it is signed by the key that it is for. */
  readonly isSelfSigned: boolean;
}

/** 67 ms to import, so only a process that makes or reads requests pays for it. */
async function library() {
  // @peculiar/x509 throws at import without it.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' };

/** A new ECDSA P-256 key and a certificate request signed by it; both PEM, the key PKCS#8. */
export async function createCertificateRequest(
  names: CertificateNames,
): Promise<{ requestPem: string; keyPem: string }> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: [names.organization] }, { CN: [names.commonName] }],
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.SubjectAlternativeNameExtension(names.addresses.map((value) => ({ type: 'ip' as const, value }))),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const body = key.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    requestPem: `${request.toString('pem')}\n`,
    keyPem: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
  };
}

/** @throws Error where `pem` is no certificate request */
export async function readCertificateRequest(pem: string): Promise<ReadRequest> {
  const x509 = await library();
  const request = new x509.Pkcs10CertificateRequest(pem);
  const names = request.extensions
    .filter((extension) => extension instanceof x509.SubjectAlternativeNameExtension)
    .flatMap((extension) => extension.names.items);
  return {
    commonNames: request.subjectName.getField('CN'),
    organizations: request.subjectName.getField('O'),
    addresses: names.filter(({ type }) => type === 'ip').map(({ value }) => value),
    otherNames: names.filter(({ type }) => type !== 'ip').map(({ type, value }) => `${type}:${value}`),
    isSelfSigned: await request.verify(),
  };
}
