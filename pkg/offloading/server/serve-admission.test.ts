import { Agent, type AgentOptions, request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '#pkg/runtime';
import { type AdmissionHandler, denied } from '../admission/review.ts';
import { planCaBundle } from './ca-bundle.ts';
import { type CertificateSet, renewCertificates } from './certificates.ts';
import { type AdmissionServer, serveAdmission } from './serve-admission.ts';

const NAME = 'tombolo-webhook.tombolo-system.svc';
let set: CertificateSet;
let server: AdmissionServer;
const renewed = new Set<() => void>();
let release: (() => void) | undefined;

const handlers: Record<string, AdmissionHandler> = {
  '/patch': () => ({ allowed: true, patch: [{ op: 'add', path: '/a', value: 1 }], warnings: ['careful'] }),
  '/deny': () => denied('because'),
  '/fail': () => Promise.reject(new Error('no cache yet')),
  '/slow': () => new Promise((done) => (release = () => done({ allowed: true }))),
  '/hang': (_request, signal) =>
    new Promise((_done, fail) => signal.addEventListener('abort', () => fail(signal.reason as Error))),
};

async function start(): Promise<AdmissionServer> {
  return await serveAdmission({
    port: 0,
    host: '127.0.0.1',
    handlers,
    log: silentLog,
    certificates: {
      current: () => set,
      ready: Promise.resolve(),
      on(handler) {
        renewed.add(handler);
        return { [Symbol.dispose]: () => void renewed.delete(handler) };
      },
    },
  });
}

beforeAll(async () => {
  set = await renewCertificates(undefined, [NAME], new Date());
  server = await start();
}, 60_000);
afterAll(() => server[Symbol.asyncDispose]());

interface Answer {
  status: number;
  connection: string | undefined;
  body: { response?: Record<string, unknown>; error?: string };
}

/** As the API server asks: by the name of the Service, trusting the CA bundle alone. */
function post(path: string, body: unknown, options: AgentOptions & { port?: number } = {}): Promise<Answer> {
  const { port = server.port, ...agent } = options;
  return new Promise((done, fail) => {
    const call = request(
      { host: '127.0.0.1', port, path, method: 'POST', servername: NAME, ca: set.caCertPem, agent: new Agent(agent) },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () =>
          done({
            status: answer.statusCode ?? 0,
            connection: answer.headers.connection,
            body: JSON.parse(text) as Answer['body'],
          }),
        );
      },
    );
    call.on('error', fail);
    call.end(JSON.stringify(body));
  });
}
const review = (object: unknown = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u-1', operation: 'CREATE', namespace: 'shop', object, newerField: true },
});

describe('serveAdmission', () => {
  test('answers with the UID, an encoded patch and warnings', async () => {
    const { response } = (await post('/patch', review())).body;
    expect(response).toMatchObject({ uid: 'u-1', allowed: true, patchType: 'JSONPatch', warnings: ['careful'] });
    expect(Buffer.from(String(response?.['patch']), 'base64').toString()).toBe('[{"op":"add","path":"/a","value":1}]');
  });

  test('a refusal carries its sentence', async () => {
    const { response } = (await post('/deny', review())).body;
    expect(response).toMatchObject({ allowed: false, status: { code: 403, message: 'because' } });
  });

  test('what a handler throws is an error and no answer, so that failurePolicy decides', async () => {
    const { status, body } = await post('/fail', review());
    expect([status, body.error]).toEqual([500, 'tombolo: no cache yet']);
  });

  test('a handler that hangs is given up when the API server does', async () => {
    expect((await post('/hang?timeout=1s', review())).status).toBe(500);
  });

  test('what is no AdmissionReview is refused; two objects of 1.5 MiB pass', async () => {
    expect((await post('/patch', { kind: 'Pod' })).status).toBe(400);
    expect((await post('/patch', review('x'.repeat(3 * 1024 * 1024)))).status).toBe(200);
  });

  test('a renewed certificate is taken up while it runs', async () => {
    set = await renewCertificates(undefined, [NAME], new Date());
    for (const handler of renewed) handler();
    expect((await post('/patch', review())).status).toBe(200); // `post` trusts the new CA alone
  });

  test('a server that stops answers what is under way and asks for another connection', async () => {
    const stopping = await start();
    const answer = post('/slow', review(), { port: stopping.port, keepAlive: true });
    await expect.poll(() => release).toBeDefined();
    const stopped = stopping[Symbol.asyncDispose]();
    release?.();
    expect(await answer).toMatchObject({ status: 200, body: { response: { allowed: true } } });
    await stopped;
    await expect(post('/patch', review(), { port: stopping.port })).rejects.toThrow('ECONNREFUSED');
  });
});

test('only webhooks with another CA bundle are patched, each guarded by its name', () => {
  const right = Buffer.from('CA').toString('base64');
  const webhooks = [
    { name: 'a', clientConfig: { caBundle: right } },
    { name: 'b', clientConfig: {} },
  ];
  expect(planCaBundle(webhooks, 'CA')).toEqual([
    { op: 'test', path: '/webhooks/1/name', value: 'b' },
    { op: 'add', path: '/webhooks/1/clientConfig/caBundle', value: right },
  ]);
  expect(planCaBundle(undefined, 'CA')).toEqual([]);
});
