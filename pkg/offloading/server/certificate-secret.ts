import { NAME, SYSTEM_NAMESPACE } from '#pkg/api';
import { type Informer, KubeError, type KubeClient, SECRET, type Secret } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { type CertificateSet, renewCertificates } from './certificates.ts';

const KEYS = { caCertPem: 'ca.crt', caKeyPem: 'ca.key', certPem: 'tls.crt', keyPem: 'tls.key' } as const;

/** Names under which the API server calls the webhooks. */
export function webhookDnsNames(namespace: string): string[] {
  return [NAME.webhookService, NAME.quotaService].map((service) => `${service}.${namespace}.svc`);
}

export interface CertificateSecretDeps {
  readonly client: Pick<KubeClient, 'create' | 'replace'>;
  /** Informer of the one Secret. */
  readonly secrets: Pick<Informer<Secret>, 'get'>;
  readonly clock: Clock;
  /** Default `tombolo-system`. */
  readonly namespace?: string | undefined;
}

/**
 * The set in the Secret, made or renewed where that is due. Every replica may call it at any time: the first writer wins,
 * the others get undefined and read what it wrote through the informer.
 * @throws KubeError where the Secret cannot be written
 */
export async function ensureCertificateSecret(
  { client, secrets, clock, namespace = SYSTEM_NAMESPACE }: CertificateSecretDeps,
  signal: AbortSignal,
): Promise<CertificateSet | undefined> {
  const name = NAME.webhookCertificates;
  const stored = secrets.get(`${namespace}/${name}`);
  const standing = stored === undefined ? undefined : readSecret(stored);
  const wanted = await renewCertificates(standing, webhookDnsNames(namespace), clock.wall());
  if (wanted === standing) return wanted;
  const data = Object.fromEntries(
    Object.entries(KEYS).map(([field, key]) => [key, encode(wanted[field as keyof CertificateSet])]),
  );
  try {
    if (stored === undefined) {
      const labels = { 'app.kubernetes.io/managed-by': 'tombolo' };
      const secret: Secret = { metadata: { name, namespace, labels }, type: 'kubernetes.io/tls', data };
      await client.create<Secret>(SECRET, secret, { signal });
    } else {
      await client.replace<Secret>(SECRET, { ...stored, data: { ...stored.data, ...data } }, { signal });
    }
    return wanted;
  } catch (error) {
    if (error instanceof KubeError && (error.isAlreadyExists || error.isConflict)) return undefined;
    throw error;
  }
}

/** Undefined where a part is missing; what is there may still be damaged. */
function readSecret(secret: Secret): CertificateSet | undefined {
  const read = (key: string) => {
    const text = secret.data?.[key];
    return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
  };
  const [caCertPem, caKeyPem, certPem, keyPem] = [KEYS.caCertPem, KEYS.caKeyPem, KEYS.certPem, KEYS.keyPem].map(read);
  if (caCertPem === undefined || caKeyPem === undefined || certPem === undefined || keyPem === undefined)
    return undefined;
  return { caCertPem, caKeyPem, certPem, keyPem };
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
