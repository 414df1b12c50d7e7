import { describe, expect, test } from 'vitest';
import { type CertificateSigningRequest, CSR } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { testAuthority } from '../kubelet-api/test-certificates.ts';
import { type TestClient, testClient } from '../test-client.ts';
import { readCertificateRequest } from './certificate-request.ts';
import { keepServingCertificate, requestServingCertificate, untilRenewal } from './serving-certificate.ts';

const never = new AbortController().signal;

/** Making keys takes real time, on a busy machine more of it. */
const PATIENCE_MS = 20_000;

/** Answers the request that is waiting, as approver and signer do. */
function decide(api: TestClient, status: CertificateSigningRequest['status']): CertificateSigningRequest | undefined {
  const waiting = api
    .informer(CSR)
    .list()
    .find((csr) => csr.status === undefined);
  if (waiting !== undefined && status !== undefined) api.put(CSR, Object.assign({}, waiting, { status }));
  return waiting;
}

async function advanceUntil<T>(clock: ReturnType<typeof fakeClock>, what: () => T | undefined): Promise<T> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; ) {
    const found = what();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 2));
    await clock.advance(50);
  }
  throw new Error('it did not come');
}

describe('serving certificate', { timeout: 2 * PATIENCE_MS }, () => {
  test('asks for exactly what the signer takes, with the addresses of the Node', async () => {
    const api = testClient();
    const clock = fakeClock();
    const { certPem } = await (await testAuthority('ca')).sign({ commonName: 'system:node:rome', purpose: 'server' });
    const asked = requestServingCertificate(
      { client: api.client, nodeName: 'rome', addresses: ['10.244.0.7', 'fd00::7'], clock, log: silentLog },
      never,
    );
    const csr = await advanceUntil(clock, () => decide(api, { certificate: Buffer.from(certPem).toString('base64') }));
    await clock.advance(2_000);
    expect((await asked).certPem).toBe(certPem);
    expect(csr.spec.usages).toEqual(['digital signature', 'server auth']);
    expect(csr.spec.signerName).toBe('kubernetes.io/kubelet-serving');
    expect(await readCertificateRequest(Buffer.from(csr.spec.request, 'base64').toString())).toEqual({
      commonNames: ['system:node:rome'],
      organizations: ['system:nodes'],
      addresses: ['10.244.0.7', expect.stringMatching(/^fd00:/)],
      otherNames: [],
      isSelfSigned: true,
    });
  });

  test('a refusal and a request that nobody approves are told with their reason', async () => {
    const api = testClient();
    const clock = fakeClock();
    const options = { client: api.client, nodeName: 'rome', addresses: ['10.0.0.1'], clock, log: silentLog };
    const denied = requestServingCertificate(options, never).catch((error: unknown) => error);
    const conditions = [{ type: 'Denied', status: 'True', message: 'not you' }];
    await advanceUntil(clock, () => decide(api, { conditions }));
    await clock.advance(2_000);
    expect(await denied).toMatchObject({ code: 'CertificateNotIssued', why: 'Denied: not you' });

    api.remove(CSR, { name: '' });
    const ignored = requestServingCertificate(options, never).catch((error: unknown) => error);
    await advanceUntil(clock, () => decide(api, undefined));
    await clock.advance(65_000);
    expect(await ignored).toMatchObject({ why: 'not approved within a minute', retryable: true });
  });

  test('is renewed between 70 and 90 % of its life', async () => {
    const { certPem } = await (await testAuthority('ca')).sign({ commonName: 'x', purpose: 'server' });
    const now = new Date();
    // The test authority signs for one hour from now, back-dated by one hour.
    const minutes = (random: number) => Math.round(untilRenewal(certPem, now, () => random) / 60_000);
    expect(minutes(0)).toBeGreaterThanOrEqual(23);
    expect(minutes(1)).toBeLessThanOrEqual(48);
  });

  test('NODE-28 a new one is in use before the old one ends', async () => {
    const api = testClient();
    const clock = fakeClock();
    const authority = await testAuthority('ca');
    const stop = new AbortController();
    const used: string[] = [];
    const running = keepServingCertificate(
      { client: api.client, nodeName: 'rome', addresses: ['10.0.0.1'], clock, log: silentLog },
      ({ certPem }) => used.push(certPem),
      stop.signal,
    );
    for (const count of [1, 2]) {
      const { certPem } = await authority.sign({ commonName: 'system:node:rome', purpose: 'server' });
      await advanceUntil(clock, () => {
        decide(api, { certificate: Buffer.from(certPem).toString('base64') });
        return used.length === count ? true : undefined;
      });
      api.remove(CSR, { name: '' });
      // The double's wall clock stands in the past, so life is long: move beyond it.
      await clock.advance(Date.now() + 3_600_000 - clock.wall().getTime());
    }
    expect(new Set(used).size).toBe(2);
    stop.abort();
    await running;
  });
});
