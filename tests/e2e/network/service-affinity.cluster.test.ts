import { expect } from 'vitest';
import { type Json, type TestCluster, until } from '../bed.ts';
import { AGNHOST, BUSYBOX, condition, type Offloaded, remotePod, test } from '../fixtures.ts';
import { endpointsOf, homePod, service, slicesThere, webPorts } from '../services-fixtures.ts';

/** Answers its name, asks, and is ready unless it is told not to be. */
const containers = [
  { name: 'main', image: AGNHOST, args: ['netexec', '--http-port', '8080'] },
  {
    name: 'box',
    image: BUSYBOX,
    command: ['sleep', '3600'],
    readinessProbe: { exec: { command: ['test', '!', '-e', '/tmp/off'] }, periodSeconds: 1, failureThreshold: 1 },
  },
];
const WEB = { labels: { app: 'web' } };
const REQUESTS = 200;
const NATIVE = 'endpointslice-controller.k8s.io';
const MANAGER = 'endpointslice.kubernetes.io/managed-by';
/** Proxies do not read slices with it. */
const HEADLESS = 'service.kubernetes.io/headless';

/**
 * Who answers so many requests of a pod, and how often; where nobody did, what was said instead. Asked by address: a name that is
 * not resolved in time on a busy machine says nothing of proxies.
 */
async function askers(
  milan: TestCluster,
  { name }: Offloaded,
  pod: string,
  at: string,
): Promise<Record<string, number>> {
  const one = `timeout 10 wget -qO- http://${at}/hostname 2>&1 || echo "failed ($?)"`;
  const script = `for i in $(seq ${REQUESTS}); do echo $(${one}); done | sort | uniq -c`;
  const told = await milan.kubectl(['-n', name, 'exec', pod, '-c', 'box', '--', 'sh', '-c', script], {
    timeoutMs: 90_000,
  });
  return Object.fromEntries(
    told
      .trim()
      .split('\n')
      .map((line) => {
        const [, count, who = ''] = /^\s*(\d+) (.*)$/.exec(line) ?? [];
        return [who, Number(count)];
      }),
  );
}

/** Makes a pod ready or not. Resolves when home has seen it. */
async function turn(milan: TestCluster, shop: Offloaded, pod: string, to: 'on' | 'off'): Promise<void> {
  const command = to === 'on' ? ['rm', '/tmp/off'] : ['touch', '/tmp/off'];
  await milan.kubectl(['-n', shop.name, 'exec', pod, '-c', 'box', '--', ...command]);
  const status = to === 'on' ? 'True' : 'False';
  await until(`${pod} is ${to}`, async () => condition(await shop.pod(pod), 'Ready')?.['status'] === status, 15_000);
}

const pause = (ms: number) => new Promise((next) => setTimeout(next, ms));

const prefer = (milan: TestCluster, shop: Offloaded, affinity: string) =>
  milan.kubectl([
    '-n',
    shop.name,
    'annotate',
    '--overwrite',
    'service',
    'web',
    `tombolo.io/service-affinity=${affinity}`,
  ]);

/** Slices of the Service at home: which manager's proxies read, and which are kept from them. */
async function slicesOf(milan: TestCluster, { name }: Offloaded): Promise<string[]> {
  const { items } = await milan.json(['-n', name, 'get', 'endpointslices', '-l', 'kubernetes.io/service-name=web']);
  return items
    .map(({ metadata: { labels } }: Json) => {
      const manager = labels[MANAGER];
      return labels[HEADLESS] === undefined ? manager : `(${manager})`;
    })
    .toSorted();
}

test('NET-34 NET-35 a Service that prefers its own cluster stays there while it can, one that prefers the others goes there, and one that does not care uses both', async ({
  shop,
  milan,
  rome,
}) => {
  const web = service('web', { selector: WEB.labels, ports: webPorts });
  await shop.create(
    { ...web, metadata: { name: 'web', annotations: { 'tombolo.io/service-affinity': 'local' } } },
    homePod('here', { containers }, WEB),
    remotePod('there', { containers }, WEB),
  );
  const ready = async (pod: string) => condition(await shop.pod(pod), 'Ready')?.['status'] === 'True';
  for (const pod of ['here', 'there']) await until(`${pod} is ready`, () => ready(pod), 60_000);
  const addressOf = async (cluster: TestCluster, namespace: string): Promise<string> =>
    (await cluster.json(['-n', namespace, 'get', 'service', 'web']))['spec'].clusterIP;
  const addresses = { here: await addressOf(milan, shop.name), there: await addressOf(rome, shop.twin) };
  const seenBy = (pod: 'here' | 'there') => askers(milan, shop, pod, addresses[pod]);
  await until('slices at home are replaced', async () => {
    return (await slicesOf(milan, shop)).join() === `(${NATIVE}),affinity.tombolo.io`;
  });
  await until('no endpoint of home at rome', async () => {
    const { own, ours } = await slicesThere(rome, shop, 'web');
    return own.length === 1 && ours.length === 1 && endpointsOf(ours).length === 0;
  });
  expect(await seenBy('here')).toEqual({ here: REQUESTS });
  expect(await seenBy('there')).toEqual({ there: REQUESTS });

  // Both directions: none left in the own cluster, then one is back. Meanwhile proxies never see a slice of Kubernetes itself.
  const visible = `kubernetes.io/service-name=web,${MANAGER}=${NATIVE},!${HEADLESS}`;
  const watch = ['-n', shop.name, 'get', 'endpointslices', '-l', visible, '-w', '-o', 'name'];
  const everSeen = milan.try(watch, { timeoutMs: 30_000 });
  for (const [pod, other] of [
    ['here', 'there'],
    ['there', 'here'],
  ] as const) {
    await turn(milan, shop, pod, 'off');
    await pause(5_000);
    expect(await seenBy(pod), `from ${pod}, 5 s after it was last ready`).toEqual({ [other]: REQUESTS });
    expect(await seenBy(other)).toEqual({ [other]: REQUESTS });
    await turn(milan, shop, pod, 'on');
    await until(`${pod} asks itself again`, async () => (await seenBy(pod))[pod] === REQUESTS, 10_000);
  }
  expect((await everSeen).stdout).toBe('');

  await prefer(milan, shop, 'remote');
  for (const [pod, other] of [
    ['here', 'there'],
    ['there', 'here'],
  ] as const) {
    await until(`${pod} asks the other one`, async () => (await seenBy(pod))[other] === REQUESTS);
  }
  await turn(milan, shop, 'there', 'off');
  await pause(5_000);
  expect(await seenBy('here')).toEqual({ here: REQUESTS });
  await turn(milan, shop, 'there', 'on');

  await prefer(milan, shop, 'locall');
  const told = await until('the Service says what is wrong', async () => {
    const { items } = await milan.json([
      '-n',
      shop.name,
      'get',
      'events',
      '--field-selector',
      'involvedObject.name=web',
    ]);
    return items.find(({ reason }: Json) => reason === 'InvalidAffinity')?.message as string | undefined;
  });
  expect(told).toContain(`Service ${shop.name}/web: “locall” is not an affinity; set tombolo.io/service-affinity to`);
  await until('proxies read the slices of Kubernetes', async () => (await slicesOf(milan, shop)).join() === NATIVE);
  for (const pod of ['here', 'there'] as const) {
    const both = await until(`both answer ${pod}`, async () => {
      const seen = await seenBy(pod);
      return seen['here'] !== undefined && seen['there'] !== undefined && seen;
    });
    expect((both['here'] ?? 0) + (both['there'] ?? 0)).toBe(REQUESTS);
  }

  // What was taken from proxies comes back, however offloading ends.
  await prefer(milan, shop, 'local');
  await until('slices at home are replaced again', async () => (await slicesOf(milan, shop)).length === 2);
  await milan.kubectl(['label', 'namespace', shop.name, 'tombolo.io/offload-']);
  await until('proxies read the slices of Kubernetes', async () => (await slicesOf(milan, shop)).join() === NATIVE);
});
