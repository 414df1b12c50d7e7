/**
 * The admission policies of the chart, asked of a real API server on which it is installed. Nothing is stored but the
 * namespaces of the test: every request is a dry run by one of the accounts that the policies hold to their places.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { offerAnnotations } from '#pkg/api';
import {
  type Cluster,
  connectCluster,
  isNotFound,
  loadKubeconfig,
  NAMESPACE,
  type Namespace,
  ROLE_BINDING,
  type RoleBinding,
} from '#pkg/kube';

/** Set by `npm test`: the folder of a test bed that is up, with Tombolo installed. */
const bed = process.env['TOMBOLO_TESTBED'];
const whyNot = bed === undefined ? ' (skipped: no test bed, run `npm test` or set TOMBOLO_TESTBED)' : '';

const id = randomUUID().slice(0, 6);
const CONSUMER = `policy${id}`;
const TENANT = `tombolo-tenant-${CONSUMER}`;
const TWIN = `shop-${CONSUMER}`;
const PLAIN = `plain-${id}`;
const OFFLOADED = `offloaded-${id}`;
const RBAC = 'rbac.authorization.k8s.io';
const TENANT_ACCOUNT = `system:serviceaccount:${TENANT}:tenant`;
const CONTROLLER = 'system:serviceaccount:tombolo-system:tombolo-controller';
const REPLICA_SETS = 'system:serviceaccount:kube-system:replicaset-controller';

let admin: Cluster;
const accounts = new Map<string, Cluster>();

/** Begins the message of a refusal by a policy, whichever field it stands on. */
const BY_POLICY = 'ValidatingAdmissionPolicy';

/** `stored`, or the sentence of the policy that refused. Any other refusal fails the test: it would prove nothing. */
async function ask(user: string, method: string, path: string, body?: object): Promise<string> {
  const client = accounts.get(user)?.client ?? admin.client;
  const headers = method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {};
  const answer = await client.request(method, path, { body, headers, query: { dryRun: 'All' } });
  if (answer.status < 300) return 'stored';
  const { message = '' } = JSON.parse(answer.body.toString('utf8')) as { message?: string };
  if (!message.includes(BY_POLICY)) throw new Error(`${method} ${path} by ${user}: ${answer.status} ${message}`);
  return message.slice(message.lastIndexOf(': ') + 2);
}

async function make(name: string, labels: Record<string, string>): Promise<void> {
  await admin.client.create<Namespace>(NAMESPACE, { metadata: { name, labels } });
}

/** So that RBAC lets everything pass and the policies alone decide. */
async function allowAll(namespace: string, user: string): Promise<void> {
  await admin.client.create<RoleBinding>(ROLE_BINDING, {
    metadata: { namespace, name: `policy-test-${accounts.size}` },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: user }],
  });
}

describe.skipIf(whyNot !== '')(`admission policies${whyNot}`, () => {
  beforeAll(async () => {
    const config = await loadKubeconfig(join(bed ?? '', 'rome', 'kubeconfig'));
    admin = connectCluster(config);
    await make(TENANT, { 'tombolo.io/origin': CONSUMER, 'tombolo.io/component': 'tenant' });
    await make(TWIN, { 'tombolo.io/origin': CONSUMER, 'tombolo.io/component': 'twin' });
    await make(PLAIN, { team: 'a' });
    await make(OFFLOADED, { 'tombolo.io/offload': 'true' });
    for (const user of [TENANT_ACCOUNT, CONTROLLER, REPLICA_SETS]) {
      accounts.set(user, connectCluster({ ...config, auth: { ...config.auth, impersonate: { user } } }));
    }
    for (const namespace of [TWIN, TENANT]) await allowAll(namespace, TENANT_ACCOUNT);
  }, 30_000);

  afterAll(async () => {
    for (const name of [TENANT, TWIN, PLAIN, OFFLOADED]) {
      await admin.client.delete(NAMESPACE, { name }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
    for (const cluster of [...accounts.values(), admin]) await cluster[Symbol.asyncDispose]();
  });

  const template = (spec: object) => ({
    metadata: { name: 'x' },
    spec: {
      selector: { matchLabels: { app: 'x' } },
      template: {
        metadata: { labels: { app: 'x', 'tombolo.io/origin': CONSUMER } },
        spec: { containers: [{ name: 'a', image: 'i' }], ...spec },
      },
    },
  });

  test.each<[string, object]>([
    ['the default priority of this cluster', { priorityClassName: 'system-cluster-critical' }],
    ['not by nodeName', { nodeName: 'rome-node1' }],
    ['by the default scheduler', { schedulerName: 'mine' }],
    ['do not run on virtual nodes', { tolerations: [{ key: 'tombolo.io/virtual-node', operator: 'Exists' }] }],
  ])('wrappers and pods of a twin: %s', async (sentence, spec) => {
    const wrappers = `/apis/apps/v1/namespaces/${TWIN}/replicasets`;
    expect(await ask(TENANT_ACCOUNT, 'POST', wrappers, template({}))).toBe('stored');
    expect(await ask(TENANT_ACCOUNT, 'POST', wrappers, template(spec))).toContain(sentence);
    const labels = { 'tombolo.io/origin': CONSUMER };
    const pod = { metadata: { name: 'x', labels }, spec: { containers: [{ name: 'a', image: 'i' }], ...spec } };
    for (const user of [TENANT_ACCOUNT, REPLICA_SETS]) {
      expect(await ask(user, 'POST', `/api/v1/namespaces/${TWIN}/pods`, pod)).toContain(sentence);
    }
  });

  test('Services and Ingresses of a twin have what the provider offers there, and nothing else', async () => {
    const services = `/api/v1/namespaces/${TWIN}/services`;
    const service = (spec: object) => ({ metadata: { name: 's' }, spec: { ports: [{ port: 80 }], ...spec } });
    const ingresses = `/apis/networking.k8s.io/v1/namespaces/${TWIN}/ingresses`;
    const ingress = (ingressClassName: string, annotations = {}) => ({
      metadata: { name: 'i', annotations },
      spec: { ingressClassName, defaultBackend: { service: { name: 's', port: { number: 80 } } } },
    });
    const balanced = (loadBalancerClass?: string) => service({ type: 'LoadBalancer', loadBalancerClass });
    const answers = async (...asked: [string, object][]) =>
      (await Promise.all(asked.map(([path, body]) => ask(TENANT_ACCOUNT, 'POST', path, body)))).map(
        (answer) => answer === 'stored',
      );
    const all: [string, object][] = [
      [services, service({ type: 'NodePort' })],
      [services, balanced('lent.example/lb')],
      [ingresses, ingress('lent')],
    ];
    const others: [string, object][] = [
      [services, balanced('other.example/lb')],
      [services, balanced()],
      [ingresses, ingress('other')],
      [ingresses, ingress('lent', { 'kubernetes.io/ingress.class': 'lent' })],
    ];
    expect(await answers(...all, ...others)).toEqual(Array(7).fill(false));
    const annotations = offerAnnotations({
      nodePorts: true,
      loadBalancerClass: 'lent.example/lb',
      ingressClass: 'lent',
    });
    const offer = (what: Record<string, string | null | undefined>) =>
      admin.client.patch<Namespace>(NAMESPACE, { name: TWIN }, { metadata: { annotations: what } }, { type: 'merge' });
    await offer(annotations);
    await expect.poll(() => answers(...all), { timeout: 10_000 }).toEqual([true, true, true]);
    expect(await answers(...others)).toEqual(Array(4).fill(false));
    // The tests after this one have a twin without offers.
    await offer(Object.fromEntries(Object.keys(annotations).map((key) => [key, null])));
    await expect.poll(() => answers(...all), { timeout: 10_000 }).toEqual([false, false, false]);
  });

  test('Services, Secrets, ConfigMaps and finalizers of a twin', async () => {
    const at = (plural: string) => `/api/v1/namespaces/${TWIN}/${plural}`;
    const service = (spec: object) => ({ metadata: { name: 's' }, spec: { ports: [{ port: 80 }], ...spec } });
    expect(await ask(TENANT_ACCOUNT, 'POST', at('services'), service({}))).toBe('stored');
    expect(await ask(TENANT_ACCOUNT, 'POST', at('services'), service({ type: 'NodePort' }))).toContain('ClusterIP');
    expect(await ask(TENANT_ACCOUNT, 'POST', at('services'), service({ externalIPs: ['192.0.2.1'] }))).toContain(
      'externalIPs',
    );
    const token = {
      metadata: { name: 't', annotations: { 'kubernetes.io/service-account.name': 'default' } },
      type: 'kubernetes.io/service-account-token',
    };
    expect(await ask(TENANT_ACCOUNT, 'POST', at('secrets'), token)).toContain('token');
    expect(await ask(TENANT_ACCOUNT, 'POST', at('configmaps'), { metadata: { name: 'mine' } })).toBe('stored');
    expect(await ask(TENANT_ACCOUNT, 'POST', at('configmaps'), { metadata: { name: 'tombolo-twin' } })).toContain(
      'belongs to the provider',
    );
    const stuck = { metadata: { name: 'mine', finalizers: ['example.com/stay'] } };
    expect(await ask(TENANT_ACCOUNT, 'POST', at('configmaps'), stuck)).toContain('finalizer');
  });

  test('a tenant neither cordons a grant nor sets finalizers', async () => {
    const path = `/apis/tombolo.io/v1alpha1/namespaces/${TENANT}/grants`;
    const grant = (spec: object, metadata: object = {}) => ({
      apiVersion: 'tombolo.io/v1alpha1',
      kind: 'Grant',
      metadata: { name: 'g', ...metadata },
      spec,
    });
    expect(await ask(TENANT_ACCOUNT, 'POST', path, grant({ requested: { cpu: '1' } }))).toBe('stored');
    expect(await ask(TENANT_ACCOUNT, 'POST', path, grant({ cordoned: true }))).toContain('only the provider cordons');
    expect(await ask(TENANT_ACCOUNT, 'POST', path, grant({}, { finalizers: ['tombolo.io/twin'] }))).toContain(
      'no finalizers',
    );
  });

  test('our controller changes namespaces of its own only, and of others the offload label', async () => {
    const one = (name: string) => `/api/v1/namespaces/${name}`;
    const labels = (set: Record<string, string | null>) => ({ metadata: { labels: set } });
    expect(await ask(CONTROLLER, 'PATCH', one(PLAIN), labels({ 'tombolo.io/offload': 'true' }))).toBe('stored');
    for (const change of [{ 'tombolo.io/origin': CONSUMER }, { team: 'b' }, { team: null }]) {
      expect(await ask(CONTROLLER, 'PATCH', one(PLAIN), labels(change))).toContain('the offload label only');
    }
    expect(await ask(CONTROLLER, 'DELETE', one(PLAIN))).toContain('twin and tenant namespaces only');
    expect(await ask(CONTROLLER, 'DELETE', one(TWIN))).toBe('stored');
    expect(await ask(CONTROLLER, 'PATCH', one(TWIN), labels({ 'tombolo.io/origin': null }))).not.toBe('stored');
    expect(await ask(CONTROLLER, 'POST', '/api/v1/namespaces', { metadata: { name: `new-${id}` } })).toContain(
      'twin and tenant namespaces only',
    );
  });

  test('our controller writes slices that stand for others in offloaded namespaces, and of others one label', async () => {
    const HEADLESS = 'service.kubernetes.io/headless';
    const slice = (manager: string, change: object = {}) => ({
      metadata: {
        name: 'web-1',
        labels: { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': manager },
      },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      ...change,
    });
    const at = (namespace: string) => `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const NATIVE = 'endpointslice-controller.k8s.io';
    const STAND_IN = 'affinity.tombolo.io';
    const refused = 'those that stand for others, and one label';
    for (const namespace of [OFFLOADED, TWIN])
      expect(await ask(CONTROLLER, 'POST', at(namespace), slice(STAND_IN))).toBe('stored');
    expect(await ask(CONTROLLER, 'POST', at(OFFLOADED), slice(NATIVE))).toContain(refused);
    expect(await ask(CONTROLLER, 'POST', at(PLAIN), slice(STAND_IN))).toContain(refused);

    for (const [manager, name] of [
      [NATIVE, 'native'],
      ['someone.example.com', 'theirs'],
    ] as const) {
      const { metadata, ...rest } = slice(manager);
      const stored = { ...rest, metadata: { ...metadata, name } };
      expect((await admin.client.request('POST', at(PLAIN), { body: stored })).status).toBe(201);
    }
    const marked = (value: string | null) => ({ metadata: { labels: { [HEADLESS]: value } } });
    const patch = (name: string, body: object) => ask(CONTROLLER, 'PATCH', `${at(PLAIN)}/${name}`, body);
    expect(await patch('native', marked('tombolo'))).toBe('stored');
    for (const change of [
      { endpoints: [] },
      { ports: [] },
      { metadata: { labels: { 'kubernetes.io/service-name': 'other' } } },
      { metadata: { labels: { 'endpointslice.kubernetes.io/managed-by': STAND_IN } } },
      { metadata: { labels: { team: 'a' } } },
    ]) {
      expect(await patch('native', change)).toContain(refused);
    }
    expect(await patch('theirs', marked('tombolo'))).toContain(refused);
    for (const name of ['native', 'theirs'])
      expect(await ask(CONTROLLER, 'DELETE', `${at(PLAIN)}/${name}`)).toContain(refused);
  });

  test('our controller binds its own roles only, to its own accounts, where they belong', async () => {
    const bind = (namespace: string, role: string, account: [string, string]) =>
      ask(CONTROLLER, 'POST', `/apis/${RBAC}/v1/namespaces/${namespace}/rolebindings`, {
        metadata: { name: 'b' },
        roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', namespace: account[0], name: account[1] }],
      });
    expect(await bind(TWIN, 'tombolo-twin', [TENANT, 'tenant'])).toBe('stored');
    for (const refused of [
      bind(TWIN, 'tombolo-twin', ['tombolo-tenant-other', 'tenant']),
      bind(PLAIN, 'tombolo-twin', [TENANT, 'tenant']),
      bind(PLAIN, 'tombolo-reflection', ['tombolo-system', 'tombolo-kubelet']),
      bind('kube-system', 'tombolo-reflection', ['tombolo-system', 'tombolo-kubelet']),
    ]) {
      expect(await refused).toContain('binds only its own roles');
    }
  });
});
