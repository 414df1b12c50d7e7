import { expect } from 'vitest';
import { type Json, until } from '../bed.ts';
import { remotePod, test } from '../fixtures.ts';
import {
  addressesOf,
  endpointsOf,
  handMade,
  homePod,
  seenFromRome,
  service,
  slicesThere,
  webPorts,
  webServer,
} from '../services-fixtures.ts';

test('REF-39 endpoints on virtual nodes of this provider are left out, on any other node and on none they are there', async ({
  shop,
  milan,
  rome,
}) => {
  await shop.create(
    service('web', { selector: { app: 'web' }, ports: webPorts }),
    service('bare', { ports: webPorts }),
    homePod('web-home', { containers: [webServer] }, { labels: { app: 'web' } }),
    remotePod('web-rome', { containers: [webServer] }, { labels: { app: 'web' } }),
  );
  const { podIP } = (await shop.podInPhase('web-home', 'Running', 60_000))['status'];
  const remote = await shop.podInPhase('web-rome', 'Running', 60_000);
  const alias = await seenFromRome(rome, podIP);
  await until('one endpoint is of home', async () => {
    return addressesOf((await slicesThere(rome, shop, 'web')).ours).join() === alias;
  });
  const { own } = await slicesThere(rome, shop, 'web');
  const [there] = await shop.remotePods(remote['metadata'].uid);
  expect(endpointsOf(own).map(({ targetRef }) => targetRef.name)).toEqual([there?.['metadata'].name]);

  const ready = { conditions: { ready: true } };
  await shop.create(
    handMade('bare-1', 'bare', [
      { addresses: [podIP], nodeName: 'turin', ...ready },
      { addresses: [podIP], ...ready },
      { addresses: [podIP], nodeName: 'rome', ...ready },
    ]),
  );
  await until('those of another node and of none', async () => {
    return addressesOf((await slicesThere(rome, shop, 'bare')).ours).join() === `${alias},${alias}`;
  });

  await milan.kubectl(['-n', shop.name, 'delete', 'service', 'web', 'bare']);
  await until('nothing of them is left there', async () => {
    const { items } = await rome.json(['-n', shop.twin, 'get', 'endpointslices']);
    return items.length === 0;
  });
});

test('REF-40 conditions, hostname and ports are those of home, and a pod that ends there is drained here', async ({
  shop,
  milan,
  rome,
}) => {
  const ports = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }];
  await shop.create(
    service('db', { clusterIP: 'None', selector: { app: 'db' }, ports }),
    homePod(
      'slow',
      {
        hostname: 'one',
        subdomain: 'db',
        terminationGracePeriodSeconds: 300,
        containers: [{ ...webServer, lifecycle: { preStop: { sleep: { seconds: 300 } } } }],
      },
      { labels: { app: 'db' } },
    ),
    homePod(
      'unready',
      { containers: [{ ...webServer, readinessProbe: { exec: { command: ['/no-such-file'] } } }] },
      { labels: { app: 'db' } },
    ),
  );
  const comparable = (endpoint: Json) => ({ conditions: endpoint['conditions'], hostname: endpoint['hostname'] });
  const sorted = (slices: Json[]) =>
    endpointsOf(slices)
      .map(comparable)
      .map((entry) => JSON.stringify(entry))
      .sort();
  const home = async () =>
    (await milan.json(['-n', shop.name, 'get', 'endpointslices', '-l', 'kubernetes.io/service-name=db']))['items'];
  const wanted = {
    ready: { conditions: { ready: true, serving: true, terminating: false }, hostname: 'one' },
    ending: { conditions: { ready: false, serving: true, terminating: true }, hostname: 'one' },
    unready: { conditions: { ready: false, serving: false, terminating: false } },
  };
  const both = (...entries: object[]) => entries.map((entry) => JSON.stringify(entry)).sort();
  const equals = async (...entries: object[]) => {
    const { ours } = await slicesThere(rome, shop, 'db');
    return JSON.stringify(sorted(ours)) === JSON.stringify(both(...entries)) && ours;
  };
  const [there] = await until('both are there', () => equals(wanted.ready, wanted.unready), 60_000);
  const [here] = await home();
  expect(there?.['ports']).toEqual(here['ports']);
  expect(there?.['ports'][0].appProtocol).toBe('kubernetes.io/h2c');
  expect(there?.['metadata'].labels).toHaveProperty(['service.kubernetes.io/headless']);
  for (const endpoint of endpointsOf([there ?? {}])) {
    expect(Object.keys(endpoint).filter((key) => !['addresses', 'conditions', 'hostname'].includes(key))).toEqual([]);
  }
  await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'slow', '--wait=false']);
  await until('it is drained there', () => equals(wanted.ending, wanted.unready));
  await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'slow', '--grace-period=0', '--force']);
  await until('it is gone there', () => equals(wanted.unready));
});

test('REF-42 an endpoint whose address has no place there is left out until it has one', async ({
  shop,
  milan,
  rome,
}) => {
  await shop.create(
    service('db', { ports: webPorts }),
    handMade('db-1', 'db', [
      { addresses: ['10.77.0.5'], conditions: { ready: true } },
      { addresses: ['192.0.2.1'], conditions: { ready: true } },
    ]),
  );
  const ours = async () => (await slicesThere(rome, shop, 'db')).ours;
  await until('the slice says so', async () => {
    const [slice] = await ours();
    return slice?.['metadata'].annotations?.['tombolo.io/left-out'] === '2';
  });
  expect(addressesOf(await ours())).toEqual([]);
  const { podRanges } = (await milan.json('get clusternetwork cluster'))['spec'];
  const announce = (ranges: string[]) =>
    milan.kubectl([
      'patch',
      'clusternetwork',
      'cluster',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { podRanges: ranges } }),
    ]);
  await announce([...podRanges, '10.77.0.0/16']);
  try {
    const [address] = await until('it has one', async () => {
      const addresses = addressesOf(await ours());
      return addresses.length > 0 && addresses;
    });
    const { aliases } = (await rome.json('get peer milan'))['status'].network;
    const { alias } = aliases.find(({ original }: Json) => original === '10.77.0.0/16');
    expect(address).toBe(alias.replace('0.0/16', '0.5'));
    expect((await ours())[0]?.['metadata'].annotations).toEqual({ 'tombolo.io/left-out': '1' });
  } finally {
    await announce(podRanges);
  }
  await until('it has none again', async () => addressesOf(await ours()).length === 0);
});

test('REF-47 what becomes excluded goes, and comes back; slices follow their Service unless annotated', async ({
  shop,
  milan,
  rome,
}) => {
  await shop.create(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { a: '1' } },
    service('db', { selector: { app: 'db' }, ports: webPorts }),
    homePod('db-home', { containers: [webServer] }, { labels: { app: 'db' } }),
  );
  const standing = async () => {
    const [map, twin, { ours }] = await Promise.all([
      rome.find(['-n', shop.twin, 'get', 'configmap', 'settings']),
      rome.find(['-n', shop.twin, 'get', 'service', 'db']),
      slicesThere(rome, shop, 'db'),
    ]);
    return [map && 'map', twin && 'service', addressesOf(ours).length > 0 && 'slice'].filter(Boolean).join();
  };
  const annotate = (object: string, value: string) =>
    milan.kubectl(['-n', shop.name, 'annotate', '--overwrite', ...object.split(' '), `tombolo.io/reflect${value}`]);
  const becomes = (what: string) => until(`there: ${what}`, async () => (await standing()) === what, 60_000);
  await becomes('map,service,slice');
  await annotate('configmap settings', '=false');
  await annotate('service db', '=false');
  await becomes('');
  await annotate('configmap settings', '-');
  await annotate('service db', '-');
  await becomes('map,service,slice');
  const { items } = await milan.json(['-n', shop.name, 'get', 'endpointslices']);
  await annotate(`endpointslice ${items[0].metadata.name}`, '=false');
  await becomes('map,service');
});

test('a tenant writes no slice of a Service, nothing that cannot be deleted, and no Service that opens a port or takes an address of the cluster', async ({
  shop,
  rome,
}) => {
  const tenant = ['-n', shop.twin, '--as', 'system:serviceaccount:tombolo-tenant-milan:tenant'];
  const attempt = async (object: object) =>
    (await rome.try([...tenant, 'create', '-f', '-'], { stdin: JSON.stringify(object) })).stderr;
  await shop.create(
    service('web', { selector: { app: 'web' }, ports: webPorts }),
    homePod('web', { containers: [webServer] }, { labels: { app: 'web' } }),
    remotePod('far', { containers: [webServer] }, { labels: { app: 'web' } }),
  );
  const { own, ours } = await until(
    'slices there',
    async () => {
      const found = await slicesThere(rome, shop, 'web');
      return endpointsOf(found.own).length > 0 && endpointsOf(found.ours).length > 0 && found;
    },
    60_000,
  );
  const touches = 'a tenant writes EndpointSlices with tombolo.io/service-name, and touches none of a Service';
  expect(await attempt(handMade('forged', 'web', []))).toContain(touches);
  const labels = {
    'tombolo.io/service-name': 'web',
    'endpointslice.kubernetes.io/managed-by': 'reflection.tombolo.io',
  };
  expect(await attempt(handMade('forged', 'web', [], { metadata: { name: 'forged', labels } }))).toContain(touches);
  const keeps = { labels: { 'tombolo.io/service-name': 'web' }, finalizers: ['example.com/stay'] };
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...keeps, name: 'kept' } };
  for (const object of [handMade('kept', 'web', [], { metadata: { ...keeps, name: 'kept' } }), config]) {
    expect(await attempt(object)).toContain('a tenant sets no other finalizer than tombolo.io/verdict');
  }
  for (const { metadata } of [...own, ...ours]) {
    for (const verb of [['delete'], ['label', 'x=y'], ['label', 'kubernetes.io/service-name-']]) {
      const [name = '', ...rest] = verb;
      const { stderr } = await rome.try([...tenant, name, 'endpointslice', metadata.name, ...rest]);
      expect(stderr).toContain(touches);
    }
  }
  const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web' }, subsets: [] };
  expect(await attempt(endpoints)).toContain('cannot create resource "endpoints"');
  const specs = [
    { type: 'NodePort', ports: webPorts },
    { type: 'LoadBalancer', ports: webPorts },
    { ports: webPorts, externalIPs: ['192.0.2.1'] },
    { ports: webPorts, loadBalancerIP: '192.0.2.1' },
  ];
  for (const spec of specs) expect(await attempt(service('forged', spec))).toMatch(/a Service of a twin/);
});
