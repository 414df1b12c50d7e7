import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type CertificateSigningRequest, CSR } from '#pkg/kube';
import { fakeClock, silentLog } from '#pkg/runtime';
import { testAuthority } from '../kubelet-api/test-certificates.ts';
import { type TestClient, testClient } from '../test-client.ts';
import { readCertificateRequest } from './certificate-request.ts';
import { keepServingCertificate, requestServingCertificate, untilRenewal } from './serving-certificate.ts';

const never = new AbortController().signal;

/** More than the first wait between asking and looking for the answer. */
const A_LOOK_MS = 200;

/**
 * Approver and signer in one: the nth request gets the nth answer at once, further ones get none. By events, not by
 * looking again and again: keys take real time, however long, while the clock of the test stands still.
 */
function signer(api: TestClient, ...answers: (CertificateSigningRequest['status'] | undefined)[]) {
  const asked = answers.map(() => Promise.withResolvers<CertificateSigningRequest>());
  let count = 0;
  api.informer(CSR).on((old, now) => {
    if (old !== undefined || now === undefined) return;
    const [request, status] = [asked[count], answers[count]];
    count += 1;
    if (status !== undefined) api.put(CSR, Object.assign({}, now, { status }));
    request?.resolve(now);
  });
  /** The requests, each as soon as it is made. */
  return asked.map(({ promise }) => promise);
}

const signed = (certPem: string) => ({ certificate: Buffer.from(certPem).toString('base64') });

describe('serving certificate', () => {
  test('asks for exactly what the signer takes, with the addresses of the Node', async () => {
    const api = testClient();
    const clock = fakeClock();
    const { certPem } = await (await testAuthority('ca')).sign({ commonName: 'system:node:rome', purpose: 'server' });
    const [request] = signer(api, signed(certPem));
    const asked = requestServingCertificate(
      { client: api.client, nodeName: 'rome', addresses: ['10.244.0.7', 'fd00::7'], clock, log: silentLog },
      never,
    );
    const csr = await request;
    await clock.advance(A_LOOK_MS);
    expect((await asked).certPem).toBe(certPem);
    expect(csr?.spec.usages).toEqual(['digital signature', 'server auth']);
    expect(csr?.spec.signerName).toBe('kubernetes.io/kubelet-serving');
    expect(await readCertificateRequest(Buffer.from(String(csr?.spec.request), 'base64').toString())).toEqual({
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
    const conditions = [{ type: 'Denied', status: 'True', message: 'not you' }];
    const [first, second] = signer(api, { conditions }, undefined);
    const denied = requestServingCertificate(options, never).catch((error: unknown) => error);
    await first;
    await clock.advance(A_LOOK_MS);
    expect(await denied).toMatchObject({ code: 'CertificateNotIssued', why: 'Denied: not you' });

    const ignored = requestServingCertificate(options, never).catch((error: unknown) => error);
    await second;
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
    const names = { commonName: 'system:node:rome', purpose: 'server' } as const;
    const [old, fresh] = [await authority.sign(names), await authority.sign(names)];
    const [first, second] = signer(api, signed(old.certPem), signed(fresh.certPem));
    const used: string[] = [];
    const running = keepServingCertificate(
      { client: api.client, nodeName: 'rome', addresses: ['10.0.0.1'], clock, log: silentLog },
      ({ certPem }) => used.push(certPem),
      stop.signal,
    );
    await first;
    await clock.advance(A_LOOK_MS);
    expect(used).toEqual([old.certPem]);
    // The double's wall clock stands long before the life of the certificate: move to 90 % of that.
    const { validFromDate, validToDate } = new X509Certificate(old.certPem);
    const life = validToDate.getTime() - validFromDate.getTime();
    await clock.advance(validToDate.getTime() - life / 10 - clock.wall().getTime());
    await second;
    await clock.advance(A_LOOK_MS);
    expect(used.slice(0, 2)).toEqual([old.certPem, fresh.certPem]);
    expect(clock.wall().getTime()).toBeLessThan(validToDate.getTime());
    stop.abort();
    await running;
  });
});
