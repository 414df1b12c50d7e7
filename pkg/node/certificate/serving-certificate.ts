import { X509Certificate } from 'node:crypto';
import { type CertificateSigningRequest, CSR, type KubeClient } from '#pkg/kube';
import { type Clock, decorrelatedJitter, type Log, messageOf } from '#pkg/runtime';
import { NodeError } from '../errors.ts';
import { createCertificateRequest } from './certificate-request.ts';

const KUBELET_SERVING_SIGNER = 'kubernetes.io/kubelet-serving';
/** Exactly these; the signer refuses any other set (key encipherment is for RSA). */
export const SERVING_USAGES = ['digital signature', 'server auth'];

/** Short enough that a stolen key is soon worthless, long enough to outlive a long weekend without a controller. */
const LIFETIME_SECONDS = 7 * 24 * 3600;
/** Approver and signer answer within a second; an outage of theirs is tried again later. */
const ISSUE_TIMEOUT_MS = 60_000;
const POLL_MIN_MS = 100;
const POLL_MAX_MS = 2_000;

export interface ServingCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface ServingCertificateOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  /** The addresses of the Node: the names in the certificate. */
  readonly addresses: readonly string[];
  /** Default `kubernetes.io/kubelet-serving`. */
  readonly signerName?: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Gets a serving certificate, hands it to `use`, and replaces it after about 80 % of its life, until `signal` aborts.
 * The key never leaves the memory of this process. Failures are logged and tried again; the old certificate stays.
 */
export async function keepServingCertificate(
  options: ServingCertificateOptions,
  use: (certificate: ServingCertificate) => void,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, nodeName } = options;
  const backoff = decorrelatedJitter({ minMs: 1_000, maxMs: 60_000 });
  while (!signal.aborted) {
    let waitMs: number;
    try {
      const certificate = await requestServingCertificate(options, signal);
      use(certificate);
      backoff.reset();
      waitMs = untilRenewal(certificate.certPem, clock.wall());
      log.info({ node: nodeName, renewInMs: waitMs }, 'has a serving certificate');
    } catch (error) {
      if (signal.aborted) return;
      waitMs = backoff.next();
      log.warn({ error: messageOf(error), node: nodeName, retryInMs: waitMs }, 'has no new serving certificate yet');
    }
    await clock.sleep(waitMs, signal).catch(() => undefined); // ends only by the abort that the loop looks at
  }
}

/**
 * One certificate by a CertificateSigningRequest: submitted under our own account (the signer checks the form of the
 * request only, not who asks), approved by our controller, signed by the cluster's signer.
 * @throws NodeError `CertificateNotIssued` (retryable); KubeError
 */
export async function requestServingCertificate(
  options: ServingCertificateOptions,
  signal: AbortSignal,
): Promise<ServingCertificate> {
  const { client, nodeName, addresses, clock, signerName = KUBELET_SERVING_SIGNER } = options;
  const { requestPem, keyPem } = await createCertificateRequest({
    commonName: `system:node:${nodeName}`,
    organization: 'system:nodes',
    addresses,
  });
  const created = await client.create<CertificateSigningRequest>(
    CSR,
    {
      metadata: { name: '', generateName: `tombolo-${nodeName}-` },
      spec: {
        request: Buffer.from(requestPem).toString('base64'),
        signerName,
        usages: SERVING_USAGES,
        expirationSeconds: LIFETIME_SECONDS,
      },
    },
    { signal },
  );
  const certPem = await issued(client, created.metadata.name, clock, signal);
  return { certPem, keyPem };
}

async function issued(client: KubeClient, name: string, clock: Clock, signal: AbortSignal): Promise<string> {
  const deadlineMs = clock.now() + ISSUE_TIMEOUT_MS;
  const notIssued = (why: string) =>
    new NodeError('CertificateNotIssued', {
      attempted: 'get a serving certificate',
      where: `CertificateSigningRequest ${name}`,
      why,
    });
  for (let waitMs = POLL_MIN_MS; ; waitMs = Math.min(waitMs * 1.5, POLL_MAX_MS)) {
    await clock.sleep(waitMs, signal);
    const { status } = await client.get<CertificateSigningRequest>(CSR, { name }, { signal });
    if (status?.certificate !== undefined) return Buffer.from(status.certificate, 'base64').toString('utf8');
    const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refusal !== undefined) throw notIssued(`${refusal.type}: ${refusal.message ?? refusal.reason ?? 'no reason'}`);
    if (clock.now() >= deadlineMs) {
      const isApproved = status?.conditions?.some(({ type }) => type === 'Approved') === true;
      throw notIssued(isApproved ? 'approved, but not signed within a minute' : 'not approved within a minute');
    }
  }
}

/** Milliseconds until 70 to 90 % of the life are over: spread, so that many nodes do not ask at once. */
export function untilRenewal(certPem: string, now: Date, random = Math.random): number {
  const certificate = new X509Certificate(certPem);
  const from = certificate.validFromDate.getTime();
  const to = certificate.validToDate.getTime();
  const at = from + (to - from) * (0.7 + 0.2 * random());
  return Math.max(60_000, at - now.getTime());
}
