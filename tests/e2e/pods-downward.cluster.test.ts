import { expect } from 'vitest';
import { until } from './bed.ts';
import { remotePod, script, test } from './fixtures.ts';

const field = (fieldPath: string) => ({ fieldRef: { fieldPath } });
const resource = (name: string, divisor?: string) => ({
  resourceFieldRef: { containerName: 'main', resource: name, ...(divisor !== undefined && { divisor }) },
});
const env = (fields: Record<string, object>) =>
  Object.entries(fields).map(([name, valueFrom]) => ({ name, valueFrom }));
const files = (fields: Record<string, object>) => Object.entries(fields).map(([path, from]) => ({ path, ...from }));

/** Answers on its own address only, where that can be bound. */
const SERVER = 'mkdir /tmp/www; echo bound > /tmp/www/index.html; exec busybox httpd -f -p $POD_IP:8080 -h /tmp/www';

test('POD-47 POD-48 a pod reads of itself what it is at home, and the addresses and sizes that it has there', async ({
  shop,
  milan,
  rome,
}) => {
  const own = {
    NAME: field('metadata.name'),
    NAMESPACE: field('metadata.namespace'),
    POD_UID: field('metadata.uid'),
    NODE: field('spec.nodeName'),
    ACCOUNT: field('spec.serviceAccountName'),
    APP: field("metadata.labels['app']"),
    OURS: field("metadata.annotations['tombolo.io/home-name']"),
  };
  await shop.create(
    remotePod(
      'mirror',
      {
        containers: [
          script(SERVER, {
            env: env({
              ...own,
              POD_IP: field('status.podIP'),
              HOST_IP: field('status.hostIP'),
              CPU_REQUEST: resource('requests.cpu', '1m'),
              MEMORY_LIMIT: resource('limits.memory', '1Mi'),
              CPU_LIMIT: resource('limits.cpu'),
            }),
            resources: { requests: { cpu: '15m' }, limits: { memory: '48Mi' } },
            volumeMounts: [{ name: 'self', mountPath: '/self' }],
          }),
        ],
        volumes: [
          {
            name: 'self',
            downwardAPI: {
              items: files({
                name: own.NAME,
                namespace: own.NAMESPACE,
                uid: own.POD_UID,
                labels: field('metadata.labels'),
                annotations: field('metadata.annotations'),
                memory: resource('limits.memory', '1Mi'),
              }),
            },
          },
        ],
      },
      { labels: { app: 'mirror', tier: 'front' }, annotations: { 'example.com/note': 'say "hi"' } },
    ),
  );
  const local = await shop.podInPhase('mirror', 'Running');
  const inside = (...command: string[]) =>
    milan.kubectl(['-n', shop.name, 'exec', 'mirror', '--', 'busybox', ...command]);
  const file = (name: string) => inside('cat', `/self/${name}`);

  const variables = Object.fromEntries(
    (await inside('env')).split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
  const [remote] = await shop.remotePods(local['metadata'].uid);
  const [node] = (await rome.json('get nodes -l tombolo.test/real=true'))['items'];
  expect(variables).toMatchObject({
    NAME: 'mirror',
    NAMESPACE: shop.name,
    POD_UID: local['metadata'].uid,
    NODE: 'rome',
    ACCOUNT: 'default',
    APP: 'mirror',
    OURS: '',
    POD_IP: remote?.['status'].podIP,
    HOST_IP: remote?.['status'].hostIP,
    CPU_REQUEST: '15',
    MEMORY_LIMIT: '48',
    CPU_LIMIT: node['status'].allocatable.cpu, // as on a real node: what is there where the pod sets no limit
  });
  expect(await inside('ip', 'address')).toContain(` ${variables['POD_IP']}/`);
  expect(await inside('wget', '-qO-', `http://${variables['POD_IP']}:8080/`)).toBe('bound\n');

  expect([await file('name'), await file('namespace'), await file('uid'), await file('memory')]).toEqual([
    'mirror',
    shop.name,
    local['metadata'].uid,
    '48',
  ]);
  expect(await file('labels')).toBe('app="mirror"\ntier="front"');
  const annotations = await file('annotations');
  expect(annotations).toContain('example.com/note="say \\"hi\\""');
  expect(annotations).not.toContain('tombolo.io/');

  await milan.kubectl(['-n', shop.name, 'label', 'pod', 'mirror', 'tier-', 'app=changed', '--overwrite']);
  await milan.kubectl(['-n', shop.name, 'annotate', 'pod', 'mirror', 'example.com/note=new', '--overwrite']);
  await until(
    'the files follow',
    async () =>
      (await file('labels')) === 'app="changed"' && (await file('annotations')).includes('example.com/note="new"'),
    120_000,
  );
});
