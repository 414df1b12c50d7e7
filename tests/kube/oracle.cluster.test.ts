/** Our client and @kubernetes/client-node read the same objects; ours may know more fields, never fewer. */
import { join } from 'node:path';
import {
  AppsV1Api,
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  makeInformer,
  RbacAuthorizationV1Api,
} from '@kubernetes/client-node';
import { describe, expect } from 'vitest';
import {
  CLUSTER_ROLE,
  CONFIG_MAP,
  DEPLOYMENT,
  EVENT,
  type KubeObject,
  keyOf,
  LEASE,
  NODE,
  POD,
  type Resource,
  SECRET,
  SERVICE,
  SERVICE_ACCOUNT,
} from '#pkg/kube';
import { until } from '../until.ts';
import { test as base, whyNot } from './fixtures.ts';
import { churn, configMap, watchConfigMaps } from './watched.ts';

const test = base.extend<{ oracle: KubeConfig }>({
  oracle: async ({}, use) => {
    const config = new KubeConfig();
    config.loadFromFile(join(String(process.env['TOMBOLO_TESTBED']), 'milan', 'kubeconfig'));
    await use(config);
  },
});

/**
 * What `theirs` has and `ours` has not, as paths. client-node turns times into Date and back with three digits, and
 * writes absent lists and fields as undefined, which JSON drops.
 */
function missingIn(ours: unknown, theirs: unknown, path = ''): string[] {
  if (theirs === null || typeof theirs !== 'object')
    return isSameScalar(ours, theirs) ? [] : [`${path}: ${String(ours)} ≠ ${String(theirs)}`];
  if (ours === null || typeof ours !== 'object') return [`${path} is missing`];
  return Object.entries(theirs).flatMap(([key, value]) =>
    missingIn((ours as Record<string, unknown>)[key], value, `${path}.${key}`),
  );
}

function isSameScalar(ours: unknown, theirs: unknown): boolean {
  if (ours === theirs) return true;
  const times = [ours, theirs].map((value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN,
  );
  return times[0] === times[1];
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe.skipIf(whyNot !== '')(`compared with client-node${whyNot}`, () => {
  test('lists hold the same objects, with no field fewer', async ({ cluster, oracle }) => {
    const core = oracle.makeApiClient(CoreV1Api);
    const kinds: [Resource, () => Promise<{ items: object[] }>][] = [
      [POD, () => core.listPodForAllNamespaces()],
      [NODE, () => core.listNode()],
      [SERVICE, () => core.listServiceForAllNamespaces()],
      [SECRET, () => core.listSecretForAllNamespaces()],
      [SERVICE_ACCOUNT, () => core.listServiceAccountForAllNamespaces()],
      [EVENT, () => core.listEventForAllNamespaces()],
      [LEASE, () => oracle.makeApiClient(CoordinationV1Api).listLeaseForAllNamespaces()],
      [DEPLOYMENT, () => oracle.makeApiClient(AppsV1Api).listDeploymentForAllNamespaces()],
      [CLUSTER_ROLE, () => oracle.makeApiClient(RbacAuthorizationV1Api).listClusterRole()],
    ];
    for (const [resource, list] of kinds) {
      // Things change between the two lists: only objects of the same version are compared.
      const ours = new Map((await cluster.client.list(resource)).items.map((object) => [versionKey(object), object]));
      const theirs = (plain(await list()) as { items: KubeObject[] }).items;
      const common = theirs.filter((object) => ours.has(versionKey(object)));
      expect(common.length, resource.kind).toBeGreaterThanOrEqual(Math.floor(theirs.length * 0.5));
      for (const object of common) {
        expect(missingIn(ours.get(versionKey(object)), object), `${resource.kind} ${keyOf(object)}`).toEqual([]);
      }
    }
  });

  test('informers hold the same objects after many changes', async ({ cluster, oracle, namespace }) => {
    const core = oracle.makeApiClient(CoreV1Api);
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const theirs = makeInformer(
      oracle,
      path,
      () => core.listNamespacedConfigMap({ namespace, labelSelector: 'kube-test' }),
      'kube-test',
    );
    await using watched = await watchConfigMaps(cluster, namespace);
    await theirs.start();
    await churn(cluster, namespace, 150);
    await cluster.client.create(CONFIG_MAP, configMap(namespace, 'last', 'one'));
    await until(
      'both have seen the last write',
      () => watched.state()['last'] === 'one' && theirs.get('last', namespace) !== undefined,
      60_000,
    );
    await theirs.stop();
    const trimmed = (plain(theirs.list()) as KubeObject[]).map(
      ({ metadata: { managedFields: _, ...metadata }, ...rest }) => ({ ...rest, metadata }),
    );
    expect(watched.informer.size).toBe(trimmed.length);
    for (const object of trimmed) expect(missingIn(watched.informer.get(keyOf(object)), object)).toEqual([]);
  });

  test('what client-node writes we read, what we write it reads', async ({ cluster, oracle, namespace }) => {
    const core = oracle.makeApiClient(CoreV1Api);
    const body = { metadata: { name: 'theirs' }, data: { a: '1' }, binaryData: { b: 'AAEC' }, immutable: true };
    await core.createNamespacedConfigMap({ namespace, body });
    expect(await cluster.client.get(CONFIG_MAP, { namespace, name: 'theirs' })).toMatchObject(body);
    const hostile = JSON.parse('{"value":"1","constructor":"2"}') as Record<string, string>;
    await cluster.client.create(CONFIG_MAP, { metadata: { namespace, name: 'ours' }, data: hostile });
    expect((await core.readNamespacedConfigMap({ namespace, name: 'ours' })).data).toEqual(hostile);
  });
});

function versionKey(object: KubeObject): string {
  return `${keyOf(object)}@${object.metadata.resourceVersion}`;
}
