import { expect } from 'vitest';
import { type Json, throughout, until } from '../bed.ts';
import { AGNHOST, type Offloaded, remotePod, sleeper, test } from '../fixtures.ts';

const service = (name: string, spec: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, ...metadata },
  spec,
});

/** A remote pod that answers its own name under `/hostname` on port 8080. */
const server = (name: string, labels: object) =>
  remotePod(
    name,
    { containers: [{ name: 'main', image: AGNHOST, args: ['netexec', '--http-port', '8080'] }] },
    { labels },
  );

const webPorts = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }];

function within({ name }: Offloaded, milan: { try(args: string[]): Promise<{ stdout: string }> }) {
  /** What a shell in a pod prints. */
  return async (pod: string, text: string) =>
    (await milan.try(['-n', name, 'exec', pod, '--', 'sh', '-c', text])).stdout.trim();
}

test('REF-36 ClusterIP, headless and ExternalName Services are equal there but for the address, and follow', async ({
  shop,
  milan,
  rome,
}) => {
  const affinity = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 77 } } };
  await shop.create(
    service('web', {
      ...affinity,
      selector: { app: 'web', 'app.kubernetes.io/instance': 'one' },
      internalTrafficPolicy: 'Local',
      publishNotReadyAddresses: true,
      ports: [
        { ...webPorts[0], appProtocol: 'kubernetes.io/h2c' },
        { name: 'dns', port: 53, targetPort: 'dns', protocol: 'UDP' },
      ],
    }),
    service('db', { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 5432 }] }),
    service('elsewhere', { type: 'ExternalName', externalName: 'db.example.com' }),
    service('bare', { ports: [{ port: 80 }] }),
  );
  const comparable = (object: Json | undefined): Json => {
    const { clusterIP, clusterIPs: _, ...spec } = object?.['spec'] ?? {};
    return { ...spec, clusterIP: clusterIP === undefined || clusterIP === 'None' ? clusterIP : 'an address' };
  };
  for (const name of ['web', 'db', 'elsewhere', 'bare']) {
    const twin = await until(`${name} there`, () => rome.find(['-n', shop.twin, 'get', 'service', name]));
    expect(comparable(twin)).toEqual(comparable(await milan.find(['-n', shop.name, 'get', 'service', name])));
  }
  // Allocated there, so it stays through every change.
  const addressOf = async (cluster: typeof milan, namespace: string, name: string) =>
    (await cluster.json(['-n', namespace, 'get', 'service', name]))['spec'].clusterIP as string;
  const before = await addressOf(rome, shop.twin, 'web');

  const change = {
    spec: {
      sessionAffinity: 'None',
      sessionAffinityConfig: null,
      selector: { 'app.kubernetes.io/instance': null },
      ports: [{ ...webPorts[0], port: 81 }],
    },
  };
  await milan.kubectl(['-n', shop.name, 'patch', 'service', 'web', '--type=merge', '-p', JSON.stringify(change)]);
  const home = comparable(await milan.find(['-n', shop.name, 'get', 'service', 'web']));
  await until('changed there', async () => {
    const twin = comparable(await rome.find(['-n', shop.twin, 'get', 'service', 'web']));
    return twin['ports'].length === 1 && twin['sessionAffinity'] === 'None';
  });
  expect(comparable(await rome.find(['-n', shop.twin, 'get', 'service', 'web']))).toEqual(home);
  expect(await addressOf(rome, shop.twin, 'web')).toBe(before);
  await milan.kubectl(['-n', shop.name, 'delete', 'service', 'web']);
  await until('gone', async () => (await rome.find(['-n', shop.twin, 'get', 'service', 'web'])) === undefined);
});

test('node port and load-balancer Services are ClusterIP there, said in one event', async ({ shop, milan, rome }) => {
  await shop.create(
    service('port', { type: 'NodePort', ports: webPorts, externalTrafficPolicy: 'Local' }),
    service('balanced', { type: 'LoadBalancer', ports: webPorts }),
    service('inner', { ports: webPorts }),
  );
  for (const name of ['port', 'balanced']) {
    const twin = await until(`${name} there`, () => rome.find(['-n', shop.twin, 'get', 'service', name]));
    expect(twin['spec'].type).toBe('ClusterIP');
    expect(twin['spec'].externalTrafficPolicy).toBeUndefined();
    expect(twin['spec'].ports.map((port: Json) => port['nodePort'])).toEqual([undefined]);
    await milan.kubectl(['-n', shop.name, 'label', 'service', name, 'seen=again']);
  }
  const told = async () =>
    (await milan.json(['-n', shop.name, 'get', 'events']))['items']
      .filter((event: Json) => event['reason'] === 'NotReflected')
      .map((event: Json) => `${event['involvedObject'].name} ${event['count']} ${event['message'].split(':')[0]}`)
      .sort();
  await until('both are told', async () => (await told()).length === 2);
  const labelled = async (name: string) =>
    (await rome.json(['-n', shop.twin, 'get', 'service', name]))['metadata'].labels.seen === 'again';
  await until('labels there', async () => (await labelled('port')) && (await labelled('balanced')));
  expect(await told()).toEqual(['balanced 1 rome', 'port 1 rome']);
});

test('REF-38 the Service of the API server and its slice stay at home', async ({ peered: _, milan, rome }) => {
  await milan.kubectl('label namespace default tombolo.io/offload=true');
  try {
    await milan.apply(service('neighbour', { ports: webPorts }, { namespace: 'default' }));
    const twin = await until('twin', async () => {
      const offloading = await milan.find('-n default get offloading offloading');
      const state = offloading?.['status']?.peers?.find((entry: Json) => entry['peer'] === 'rome');
      return state?.state === 'Accepted' && (state.twin as string);
    });
    await until('the other Service is there', () => rome.find(['-n', twin, 'get', 'service', 'neighbour']));
    await throughout(
      'kubernetes is not there',
      async () => {
        const [services, slices] = await Promise.all([
          rome.find(['-n', twin, 'get', 'service', 'kubernetes']),
          rome.json(['-n', twin, 'get', 'endpointslices', '-l', 'kubernetes.io/service-name=kubernetes']),
        ]);
        return services === undefined && slices['items'].length === 0;
      },
      3_000,
    );
  } finally {
    await milan.kubectl('-n default delete service neighbour --ignore-not-found');
    await milan.kubectl('label namespace default tombolo.io/offload-');
  }
});

test('remote pods reach a Service by its short name, and its endpoints there follow', async ({ shop, milan, rome }) => {
  await shop.create(
    service('web', { selector: { app: 'web' }, ports: webPorts }),
    server('one', { app: 'web' }),
    remotePod('client', { containers: [sleeper()] }),
  );
  const run = within(shop, milan);
  await shop.podInPhase('one', 'Running');
  await shop.podInPhase('client', 'Running');
  const ask = () => run('client', 'timeout 3 wget -qO- http://web/hostname');
  await until('one answers', async () => (await ask()) === 'one', 30_000);
  await shop.create(server('two', { app: 'web' }));
  await until('two answers', async () => (await ask()) === 'two', 30_000);
  await milan.kubectl(['-n', shop.name, 'delete', 'pod', 'one']);
  await until('one endpoint is left', async () => {
    const slices = await rome.json(['-n', shop.twin, 'get', 'endpointslices', '-l', 'kubernetes.io/service-name=web']);
    return slices['items'].flatMap((slice: Json) => slice['endpoints'] ?? []).length === 1;
  });
});

test('remote pods of a StatefulSet find each other under their names', async ({ shop, milan }) => {
  await shop.create(service('db', { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 8080 }] }), {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db' },
    spec: {
      serviceName: 'db',
      replicas: 2,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' } },
        spec: {
          nodeSelector: { 'tombolo.io/peer': 'rome' },
          terminationGracePeriodSeconds: 1,
          containers: [
            { name: 'main', image: AGNHOST, args: ['netexec', '--http-port', '8080'] },
            sleeper({ name: 'shell' }),
          ],
        },
      },
    },
  });
  for (const name of ['db-0', 'db-1']) await shop.podInPhase(name, 'Running', 45_000);
  for (const [from, to] of [
    ['db-0', 'db-1'],
    ['db-1', 'db-0'],
  ] as const) {
    await until(
      `${from} reaches ${to}`,
      async () => {
        const line = ['-n', shop.name, 'exec', from, '-c', 'shell', '--', 'sh', '-c'];
        const { stdout } = await milan.try([...line, `timeout 3 wget -qO- http://${to}.db:8080/hostname`]);
        return stdout.trim() === to;
      },
      45_000,
    );
  }
});

test('POD-49 variables of a Service that was there before the pod are set and usable', async ({ shop, milan }) => {
  await shop.create(service('web-shop', { selector: { app: 'web' }, ports: webPorts }), server('one', { app: 'web' }));
  await shop.podInPhase('one', 'Running');
  await shop.create(remotePod('client', { containers: [sleeper()] }));
  await shop.podInPhase('client', 'Running');
  const run = within(shop, milan);
  await until(
    'the address in the variables answers',
    async () =>
      (await run('client', 'timeout 3 wget -qO- http://$WEB_SHOP_SERVICE_HOST:$WEB_SHOP_SERVICE_PORT/hostname')) ===
      'one',
    30_000,
  );
  expect(await run('client', 'echo $WEB_SHOP_SERVICE_PORT_HTTP $WEB_SHOP_PORT_80_TCP_PORT')).toBe('80 80');
});

test('REF-29 a Service made anew with, or without, an address while the link is down replaces its twin', async ({
  shop,
  milan,
  rome,
  bed,
}) => {
  const headless = (name: string) => service(name, { clusterIP: 'None', ports: webPorts });
  const plain = (name: string) => service(name, { ports: webPorts });
  const areHeadless = async () => {
    const [one, two] = await Promise.all(
      ['one', 'two'].map((name) => rome.find(['-n', shop.twin, 'get', 'service', name])),
    );
    return one && two && [one, two].map((twin) => twin['spec'].clusterIP === 'None').join();
  };
  await shop.create(headless('one'), plain('two'));
  await until('there', async () => (await areHeadless()) === 'true,false');
  await bed.control(['stop', 'rome', 'apiserver', '--kill']);
  try {
    await milan.kubectl(['-n', shop.name, 'delete', 'service', 'one', 'two']);
    await shop.create(plain('one'), headless('two'));
  } finally {
    await bed.control(['start', 'rome', 'apiserver']);
  }
  await until('replaced', async () => (await areHeadless()) === 'false,true', 60_000);
});
