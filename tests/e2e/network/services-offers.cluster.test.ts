import { afterAll, expect } from 'vitest';
import { type Json, openBed, type TestCluster, throughout, until } from '../bed.ts';
import { type Offloaded, remotePod, sleeper, test } from '../fixtures.ts';
import { answers, service, webPorts, webServer } from '../services-fixtures.ts';
import { realNodes } from './network-fixtures.ts';
import { internalAddress } from './probes.ts';

/** What rome lends to milan; as its admin would say it. */
async function offer(rome: TestCluster, offers: object | null): Promise<void> {
  await rome.kubectl(['patch', 'peer', 'milan', '--type=merge', '-p', JSON.stringify({ spec: { offers } })]);
}

const find = (cluster: TestCluster, namespace: string, kind: string, name: string) =>
  cluster.find(['-n', namespace, 'get', kind, name]);

/** Events at home by reason, as `NAME COUNT`. */
async function told(milan: TestCluster, { name }: Offloaded, reason: string): Promise<string[]> {
  const { items } = await milan.json(['-n', name, 'get', 'events']);
  return items
    .filter((event: Json) => event['reason'] === reason)
    .map((event: Json) => `${event['involvedObject'].name} ${event['count']}`)
    .toSorted();
}

/** As a load balancer or an Ingress controller of that cluster does it. */
async function setAddress(cluster: TestCluster, namespace: string, kind: string, name: string, ip: string) {
  const patch = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip }] } } });
  await cluster.kubectl(['-n', namespace, 'patch', kind, name, '--subresource=status', '--type=merge', '-p', patch]);
}

const addressesOf = (object: Json | undefined): string[] =>
  (object?.['status'].loadBalancer?.ingress ?? []).map(({ ip }: Json) => ip);

afterAll(async () => {
  await offer(openBed().cluster('rome'), null);
});

test('REF-37 node ports and load balancers are as the provider offers them, and their addresses come back', async ({
  shop,
  milan,
  rome,
}) => {
  await shop.create(
    service('port', { type: 'NodePort', selector: { app: 'web' }, ports: webPorts }),
    service('balanced', { type: 'LoadBalancer', ports: webPorts, loadBalancerClass: 'milan.example/lb' }),
    service('own', { type: 'LoadBalancer', ports: webPorts }),
    remotePod('web', { containers: [webServer] }, { labels: { app: 'web' } }),
  );
  const specOf = async (name: string) => (await find(rome, shop.twin, 'service', name))?.['spec'] as Json | undefined;
  const types = async () =>
    (await Promise.all(['port', 'balanced', 'own'].map(specOf))).map((spec) => spec?.['type']).join();
  await until('nothing is offered', async () => (await types()) === 'ClusterIP,ClusterIP,ClusterIP');
  await until('all are told', async () => (await told(milan, shop, 'NotReflected')).length === 3);
  const addressThere = (await specOf('port'))?.['clusterIP'];

  await offer(rome, { nodePorts: true, loadBalancerClass: 'rome.example/lb' });
  await until('they follow the offer', async () => (await types()) === 'NodePort,LoadBalancer,LoadBalancer');
  const grants = (await rome.json('-n tombolo-tenant-milan get grants'))['items'];
  expect(grants.map(({ status }: Json) => status.offers)).toEqual([
    { nodePorts: true, loadBalancerClass: 'rome.example/lb' },
  ]);
  expect((await specOf('balanced'))?.['loadBalancerClass']).toBe('rome.example/lb');
  expect((await specOf('port'))?.['clusterIP']).toBe(addressThere);
  const nodePort = (await specOf('port'))?.['ports'][0].nodePort;
  await shop.podInPhase('web', 'Running', 60_000);
  const [node = ''] = await realNodes(rome);
  const address = await internalAddress(rome, node);
  await until(
    'the port of a node there answers a machine outside of the clusters',
    async () => {
      const answer = await fetch(`http://${address}:${nodePort}/hostname`, { signal: AbortSignal.timeout(3_000) });
      return (await answer.text()) === 'web';
    },
    60_000,
  );

  await setAddress(milan, shop.name, 'service', 'own', '192.0.2.7');
  for (const name of ['balanced', 'own']) await setAddress(rome, shop.twin, 'service', name, '203.0.113.7');
  const balanced = () => find(milan, shop.name, 'service', 'balanced');
  await until('the address came home', async () => addressesOf(await balanced()).join() === '203.0.113.7');
  await setAddress(rome, shop.twin, 'service', 'balanced', '203.0.113.8');
  await until('and follows', async () => addressesOf(await balanced()).join() === '203.0.113.8');
  expect(addressesOf(await find(milan, shop.name, 'service', 'own'))).toEqual(['192.0.2.7']);

  await offer(rome, null);
  await until('they follow its end', async () => (await types()) === 'ClusterIP,ClusterIP,ClusterIP');
  await until('the address goes', async () => addressesOf(await balanced()).length === 0);
});

test('REF-37 a node port is kept where that is asked for, and where it is taken the rest of the Service works', async ({
  shop,
  milan,
  rome,
}) => {
  await offer(rome, { nodePorts: true });
  const keep = (name: string, more: object) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, annotations: { 'tombolo.io/keep-node-port': 'true' } },
    spec: { type: 'NodePort', ports: webPorts, ...more },
  });
  await shop.create(keep('free', {}));
  const portOf = async (cluster: TestCluster, namespace: string, name: string) =>
    (await find(cluster, namespace, 'service', name))?.['spec'].ports[0].nodePort as number | undefined;
  const home = await portOf(milan, shop.name, 'free');
  await until('the same port there', async () => (await portOf(rome, shop.twin, 'free')) === home);

  // One that is free at home and taken at rome.
  const taken = (home ?? 30_000) === 32_111 ? 32_112 : 32_111;
  await rome.apply({
    ...service('squatter', { type: 'NodePort', ports: [{ port: 80, nodePort: taken }] }),
    metadata: { name: 'squatter', namespace: 'default' },
  });
  try {
    await shop.create(
      keep('wanting', { selector: { app: 'web' }, ports: [{ ...webPorts[0], nodePort: taken }] }),
      remotePod('web', { containers: [webServer] }, { labels: { app: 'web' } }),
      remotePod('shell', { containers: [sleeper()] }),
    );
    const isTold = async () =>
      (await told(milan, shop, 'FailedReflection')).some((line) => line.startsWith('wanting '));
    await until('it is told', isTold, 60_000);
    const other = await until('another port there', () => portOf(rome, shop.twin, 'wanting'));
    expect(other).not.toBe(taken);
    for (const name of ['web', 'shell']) await shop.podInPhase(name, 'Running', 60_000);
    await answers(shop, milan, 'shell', 'wanting', 'web');
  } finally {
    await rome.kubectl('-n default delete service squatter');
  }
  await until('the port once it is free', async () => (await portOf(rome, shop.twin, 'wanting')) === taken, 60_000);
});

test('REF-45 an Ingress is copied under the offered class only, and its address comes back', async ({
  shop,
  milan,
  rome,
}) => {
  await offer(rome, null);
  const backend = { service: { name: 'web', port: { number: 80 } } };
  await shop.create({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web', annotations: { 'kubernetes.io/ingress.class': 'milan-class' } },
    spec: { rules: [{ host: 'shop.example', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  });
  const twin = () => find(rome, shop.twin, 'ingress', 'web');
  await throughout('it stays at home', async () => (await twin()) === undefined, 3_000);

  await offer(rome, { nodePorts: false, ingressClass: 'rome-class' });
  const copied = await until('it is there', twin);
  expect(copied['spec'].ingressClassName).toBe('rome-class');
  expect(copied['spec'].rules[0].host).toBe('shop.example');
  expect(Object.keys(copied['metadata'].annotations)).not.toContain('kubernetes.io/ingress.class');
  await setAddress(rome, shop.twin, 'ingress', 'web', '203.0.113.9');
  const home = () => find(milan, shop.name, 'ingress', 'web');
  await until('the address came home', async () => addressesOf(await home()).join() === '203.0.113.9');

  await offer(rome, null);
  await until('it goes with the offer', async () => (await twin()) === undefined);
  await until('and the address too', async () => addressesOf(await home()).length === 0);
});
