import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { HELM, lint, refusal, render } from './helm.ts';

const CHART = join(import.meta.dirname, '../../charts/tombolo');
const NAME = 'clusterName="milan"';

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

interface Document {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: Rule[];
  spec?: { template?: { spec: PodSpec } };
}

interface PodSpec {
  securityContext: object;
  containers: { securityContext: object; resources: object; livenessProbe: object; readinessProbe: object }[];
}

async function documents(...values: string[]): Promise<Document[]> {
  return parseAllDocuments(await render(NAME, ...values)).map((document) => document.toJS() as Document);
}

// Helm is built by the test bed; without one there is nothing to render with.
describe.skipIf(HELM === undefined)('chart', { timeout: 30_000 }, () => {
  test('passes helm lint', async () => {
    expect(await lint(NAME)).toContain('0 chart(s) failed');
  });

  test('renders as before with its defaults', async () => {
    await expect(await render(NAME)).toMatchFileSnapshot('goldens/default.golden');
  });

  test('renders as before with every value given', async () => {
    const full = await render(
      NAME,
      'image={"repository":"registry.example:5000/tombolo","tag":"1.2.3","pullPolicy":"Always"}',
      'imagePullSecrets=["pull"]',
      'peering={"service":{"type":"LoadBalancer","nodePort":30443,"annotations":{"example/a":"b"},"externalTrafficPolicy":"Local"},"addresses":["203.0.113.7:7443","[2001:db8::1]:7443"],"apiServer":"https://api.example:6443","tokenLifetimeSeconds":1800,"requestLifetimeSeconds":3600}',
      'controller={"replicas":3,"nodeOptions":["--max-semi-space-size=4"],"podLabels":{"a":"b"},"podAnnotations":{"c":"d"}}',
      'kubelet={"replicas":1}',
      'gateway={"replicas":3,"service":{"type":"LoadBalancer","port":4500,"nodePort":30500,"annotations":{"e":"f"}},"endpoints":["203.0.113.7:4500"],"wireguard":"kernel"}',
      'agent={"healthPort":9999,"reversePath":"off","podLabels":{"g":"h"}}',
      'nodeSelector={"pool":"infra"}',
      'tolerations=[{"key":"infra","operator":"Exists"}]',
      'priorityClassName="system-cluster-critical"',
      'logLevel="debug"',
      'kubeletServingSigner="example.com/kubelet"',
      'offers={"nodePorts":true,"loadBalancerClass":"","ingressClass":"nginx"}',
      'network={"podRanges":["10.244.0.0/16"],"serviceRanges":["10.96.0.0/16"],"nodeRanges":["203.0.113.0/24"],"reservedRanges":["192.168.0.0/24"],"anchorRange":"10.252.0.0/20","aliasPools":["172.16.0.0/12"],"overlayPort":4789,"isolation":false,"transit":false}',
      'discovery={"labels":{"example.com/site":"south"},"dns":{"domains":["clusters.example.com","example.org"],"resolver":"203.0.113.53:5353","periodSeconds":60},"mdns":{"enabled":true,"interfaces":["eth0","eth1"]}}',
    );
    await expect(full).toMatchFileSnapshot('goldens/full.golden');
  });

  test.each([
    ['a cluster name that is no DNS label', 'clusterName="Milan"', /clusterName/],
    ['a cluster name of 49 characters', `clusterName="${'a'.repeat(49)}"`, /clusterName/],
    ['no cluster name', 'clusterName=""', /clusterName is required/],
    ['a value that does not exist', 'clustername="x"', /clustername/],
    ['an unknown Service type', 'peering.service.type="Ingress"', /peering\/service\/type/],
    ['a port out of range', 'peering.service.port=70000', /peering\/service\/port/],
    ['an address without a port', 'peering.addresses=["203.0.113.7"]', /peering\/addresses/],
    ['an API server without https', 'peering.apiServer="http://api"', /peering\/apiServer/],
    ['requests that wait less than a minute', 'peering.requestLifetimeSeconds=59', /requestLifetimeSeconds/],
    ['tokens shorter than the API server gives', 'peering.tokenLifetimeSeconds=599', /tokenLifetimeSeconds/],
    ['an unknown log level', 'logLevel="loud"', /logLevel/],
    ['negative replicas', 'kubelet.replicas=-1', /kubelet\/replicas/],
    ['an image with blanks', 'image.repository="a b"', /image\/repository/],
    ['a digest that is none', 'image.digest="sha256:abc"', /image\/digest/],
    ['a pod range that is an address', 'network.podRanges=["10.244.0.0"]', /network\/podRanges/],
    ['pod ranges without an anchor range', 'network.podRanges=["10.244.0.0/16"]', /network.anchorRange is needed/],
    ['a node port without a Service that has one', 'peering.service={"type":"ClusterIP","nodePort":30443}', /nodePort/],
    ['a gateway node port without such a Service', 'gateway.service={"type":"ClusterIP","nodePort":30500}', /nodePort/],
    ['a domain that is none', 'discovery.dns.domains=["a..b"]', /discovery\/dns\/domains/],
    ['a resolver that is a name', 'discovery.dns.resolver="dns.example.com"', /discovery\/dns\/resolver/],
    ['lookups every second', 'discovery.dns.periodSeconds=1', /discovery\/dns\/periodSeconds/],
    ['a label that Kubernetes refuses', 'discovery.labels={"a b":"c"}', /invalid propertyName 'a b'/],
    ['mDNS without agents', 'discovery.mdns.enabled=true', /mdns needs the agents/],
    ['an offer that does not exist', 'offers={"nodeports":true}', /nodeports/],
    ['an ingress class without a name', 'offers={"ingressClass":""}', /offers\/ingressClass/],
    ['a gateway endpoint without a port', 'gateway.endpoints=["203.0.113.7"]', /gateway\/endpoints/],
  ])('refuses %s', async (_, value, sentence) => {
    expect(await refusal(render(NAME, value))).toMatch(sentence);
  });

  test('is for one namespace', async () => {
    const { runCommand } = await import('#pkg/runtime');
    const args = ['template', 'tombolo', CHART, '--namespace=default', '--kube-version=v1.35.0', '--set=clusterName=a'];
    const attempt = runCommand(HELM ?? 'helm', args).then(({ stdout }) => stdout);
    expect(await refusal(attempt)).toContain('lives in the namespace tombolo-system');
  });

  test('runs every process without root, capabilities and a writable disk, with probes and resources', async () => {
    const pods = (await documents()).flatMap(({ spec }) => spec?.template?.spec ?? []);
    expect(pods).toHaveLength(2);
    for (const { securityContext, containers } of pods) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container).toMatchObject({
          livenessProbe: {},
          readinessProbe: {},
          resources: { requests: {}, limits: {} },
        });
      }
    }
  });

  test('gives gateway and agent what networking needs, and the gateway nothing more', async () => {
    const network = 'network={"podRanges":["10.244.0.0/16"],"anchorRange":"10.252.0.0/20"}';
    const all = await documents(network);
    const podOf = (name: string) => all.find(({ metadata, spec }) => metadata.name === name && spec?.template)?.spec;
    const gateway = podOf('tombolo-gateway')?.template?.spec;
    expect(gateway?.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    });
    expect(gateway).not.toHaveProperty('hostNetwork');
    const agent = podOf('tombolo-agent')?.template?.spec;
    expect(agent).toMatchObject({ hostNetwork: true, tolerations: [{ operator: 'Exists' }] });
    for (const name of ['tombolo-gateway', 'tombolo-agent']) {
      const rules = all.filter(({ metadata }) => metadata.name === name).flatMap((document) => document.rules ?? []);
      expect(rules.length).toBeGreaterThan(0);
      for (const rule of rules) {
        expect([...rule.apiGroups, ...rule.resources, ...rule.verbs]).not.toContain('*');
        if (rule.resources.includes('secrets')) expect(rule.resourceNames).toEqual(['tombolo-gateway-key']);
      }
    }
  });

  // The first half of PEER-37: nothing that is bound by installation reads Secrets outside of our own namespace.
  test('gives our accounts no right on Secrets of the cluster, no wildcard and no token but of tenants', async () => {
    const roles = (await documents()).filter(({ kind }) => kind === 'ClusterRole');
    for (const name of ['tombolo-controller', 'tombolo-kubelet']) {
      const rules = roles.find((role) => role.metadata.name === name)?.rules ?? [];
      expect(rules.length).toBeGreaterThan(0);
      for (const rule of rules) {
        expect([...rule.apiGroups, ...rule.resources, ...rule.verbs]).not.toContain('*');
        expect(rule.resources).not.toContain('secrets');
        if (rule.resources.includes('serviceaccounts/token')) expect(rule.resourceNames).toEqual(['tenant']);
        if (rule.verbs.includes('bind')) expect(rule.resourceNames).toEqual(['tombolo-twin', 'tombolo-reflection']);
        for (const verb of ['escalate', 'impersonate']) expect(rule.verbs).not.toContain(verb);
      }
    }
  });

  // Part of PEER-34: what the tenant holds in a twin.
  test('gives a tenant no roles, accounts, tokens, nodes or namespaces in its twins', async () => {
    const twin = (await documents()).find(
      ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'tombolo-twin',
    );
    const resources = new Set(twin?.rules?.flatMap((rule) => rule.resources));
    for (const forbidden of [
      'serviceaccounts',
      'serviceaccounts/token',
      'roles',
      'rolebindings',
      'nodes',
      'namespaces',
    ]) {
      expect(resources).not.toContain(forbidden);
    }
  });
});

test('every value is in the schema, and every property of the schema among the values', async () => {
  const values: object = parse(await readFile(join(CHART, 'values.yaml'), 'utf8'));
  const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as Schema;
  const { global: _, ...known } = schema.properties ?? {};
  expect(keysOf({ properties: known }, schema)).toEqual(pathsOf(values));
});

test('every value is explained in a comment', async () => {
  const lines = (await readFile(join(CHART, 'values.yaml'), 'utf8')).split('\n');
  const unexplained = lines.filter((line, index) => {
    const isGroup = /^ *[A-Za-z]+:$/.test(line);
    const isAmount = /^ {4,}(requests|limits|cpu|memory):/.test(line);
    return /^ *[A-Za-z]+:/.test(line) && !isGroup && !isAmount && !/^ *#/.test(lines[index - 1] ?? '');
  });
  expect(unexplained).toEqual([]);
});

interface Schema {
  properties?: Record<string, Schema & { $ref?: string }>;
  definitions?: Record<string, Schema>;
}

/** Dotted paths of a schema's properties, sorted. */
function keysOf(schema: Schema, root: Schema, prefix = ''): string[] {
  return Object.entries(schema.properties ?? {})
    .flatMap(([key, property]) => {
      const target = property.$ref === undefined ? property : root.definitions?.[property.$ref.split('/').at(-1) ?? ''];
      return target?.properties === undefined ? [prefix + key] : keysOf(target, root, `${prefix}${key}.`);
    })
    .toSorted((a, b) => a.localeCompare(b));
}

/** Dotted paths of values; maps that are free-form (resources, labels, annotations, selectors) count as one. */
function pathsOf(values: object, prefix = ''): string[] {
  const isFree = (key: string): boolean => /resources|Labels|Annotations|annotations|nodeSelector|^labels$/.test(key);
  return Object.entries(values)
    .flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && !isFree(key)
        ? pathsOf(value, `${prefix}${key}.`)
        : [prefix + key],
    )
    .toSorted((a, b) => a.localeCompare(b));
}
