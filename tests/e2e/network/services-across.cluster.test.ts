import { expect } from 'vitest';
import { type Json, until } from '../bed.ts';
import { remotePod, sleeper, test } from '../fixtures.ts';
import { answers, handMade, homePod, service, webPorts, webServer } from '../services-fixtures.ts';

test('NET-31 a Service answers on both sides, whichever side its endpoints are on', async ({ shop, milan }) => {
  await shop.create(
    service('web', { selector: { app: 'web' }, ports: webPorts }),
    service('db', { selector: { app: 'db' }, ports: webPorts }),
    service('far', { selector: { app: 'far' }, ports: webPorts }),
    service('bare', { ports: webPorts }),
    homePod('web-home', { containers: [webServer] }, { labels: { app: 'web' } }),
    remotePod('web-rome', { containers: [webServer] }, { labels: { app: 'web' } }),
    homePod('db-home', { containers: [webServer] }, { labels: { app: 'db' } }),
    remotePod('far-rome', { containers: [webServer] }, { labels: { app: 'far' } }),
    homePod('client-home', { containers: [sleeper()] }),
    remotePod('client-rome', { containers: [sleeper()] }),
  );
  const db = await shop.podInPhase('db-home', 'Running', 60_000);
  for (const name of ['web-home', 'web-rome', 'far-rome', 'client-home', 'client-rome']) {
    await shop.podInPhase(name, 'Running', 60_000);
  }
  const { podIP } = db['status'];
  await shop.create(handMade('bare-1', 'bare', [{ addresses: [podIP], conditions: { ready: true } }]));
  await answers(shop, milan, 'client-rome', 'db', 'db-home');
  await answers(shop, milan, 'client-home', 'far', 'far-rome');
  await answers(shop, milan, 'client-rome', 'web', 'web-home', 'web-rome');
  await answers(shop, milan, 'client-home', 'web', 'web-home', 'web-rome');
  await answers(shop, milan, 'client-rome', 'bare', 'db-home');
});

test('NET-33 names of a StatefulSet over both clusters resolve on both sides to addresses that answer', async ({
  shop,
  milan,
}) => {
  await shop.create(service('web', { clusterIP: 'None', selector: { app: 'web' }, ports: [{ port: 8080 }] }), {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web' },
    spec: {
      serviceName: 'web',
      replicas: 2,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          terminationGracePeriodSeconds: 1,
          // One on each side: both clusters of the bed have one node for each other's pods.
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } },
              ],
            },
          },
          containers: [webServer, sleeper({ name: 'shell' })],
        },
      },
    },
  });
  const nodes = [];
  for (const name of ['web-0', 'web-1']) {
    nodes.push((await shop.podInPhase(name, 'Running', 60_000))['spec'].nodeName);
  }
  expect(nodes).toContain('rome');
  for (const from of ['web-0', 'web-1']) {
    for (const to of ['web-0', 'web-1']) {
      await until(
        `${from} reaches ${to}.web`,
        async () => {
          const line = ['-n', shop.name, 'exec', from, '-c', 'shell', '--', 'sh', '-c'];
          const { stdout } = await milan.try([...line, `timeout 3 wget -qO- http://${to}.web:8080/hostname`]);
          return stdout.trim() === to;
        },
        60_000,
      );
    }
  }
});

test('NET-32 with twins of the same name a remote pod finds a Service under each of its names', async ({
  milan,
  rome,
  peered: _,
}) => {
  const name = `same-${process.pid.toString(36)}`;
  const metadata = (object: string) => ({ name: object, namespace: name });
  const inNamespace = (object: object) => ({
    ...object,
    metadata: { ...(object as Json)['metadata'], namespace: name },
  });
  await milan.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    {
      apiVersion: 'tombolo.io/v1alpha1',
      kind: 'Offloading',
      metadata: metadata('offloading'),
      spec: { twin: { strategy: 'Same' } },
    },
  );
  try {
    await until(
      'the twin has that name',
      async () => (await rome.find(['get', 'namespace', name]))?.['metadata'].labels['tombolo.io/origin'] === 'milan',
      60_000,
    );
    await milan.apply(
      inNamespace(service('db', { selector: { app: 'db' }, ports: webPorts })),
      inNamespace(homePod('db-home', { containers: [webServer] }, { labels: { app: 'db' } })),
      inNamespace(remotePod('client', { containers: [sleeper()] })),
    );
    for (const host of ['db', `db.${name}`, `db.${name}.svc`, `db.${name}.svc.cluster.local`]) {
      await answers({ name }, milan, 'client', host, 'db-home');
    }
  } finally {
    await milan.try(['delete', 'namespace', name, '--wait=false']);
  }
});
