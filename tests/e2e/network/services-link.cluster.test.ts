import { afterAll, expect } from 'vitest';
import { type Json, openBed, type TestCluster, throughout, until } from '../bed.ts';
import { condition, isReady, type Offloaded, offload, remotePod, test } from '../fixtures.ts';
import { endpointsOf, homePod, service, slicesThere, webPorts, webServer } from '../services-fixtures.ts';
import { without } from '../without.ts';

/** Bounds of the cases, times what two cores under two whole clusters may need: measured idle, a tenth to a half of them. */
const SLACK = 2;

const slicesOf = async (cluster: TestCluster, namespace: string, of: string): Promise<Json[]> =>
  (await cluster.json(['-n', namespace, 'get', 'endpointslices', '-l', `kubernetes.io/service-name=${of}`]))['items'];
const areReady = (slices: Json[]): boolean[] => endpointsOf(slices).map((endpoint) => endpoint['conditions'].ready);

const NAMESPACE = `link-${process.pid.toString(36)}`;
let made: Promise<Offloaded> | undefined;

/** Made once for all tests, and again where that failed. */
function world(milan: TestCluster, rome: TestCluster): Promise<Offloaded> {
  made ??= makeWeb(milan, rome).catch((error: unknown) => {
    made = undefined;
    throw error;
  });
  return made;
}

/** A Service with endpoints on both sides: at home one that is ready and one that never is. */
async function makeWeb(milan: TestCluster, rome: TestCluster): Promise<Offloaded> {
  const shop = await offload(milan, rome, NAMESPACE);
  await shop.create(
    service('web', { selector: { app: 'web' }, ports: webPorts }),
    homePod('home', { containers: [webServer] }, { labels: { app: 'web' } }),
    homePod(
      'never',
      { containers: [{ ...webServer, readinessProbe: { exec: { command: ['/no-such-file'] } } }] },
      { labels: { app: 'web' } },
    ),
    remotePod('far', { containers: [webServer] }, { labels: { app: 'web' } }),
  );
  for (const name of ['home', 'never', 'far']) await shop.podInPhase(name, 'Running', 60_000);
  return shop;
}

afterAll(async () => {
  await openBed().cluster('milan').try(['delete', 'namespace', NAMESPACE, '--wait=false']);
});

/** Whether endpoints of home are ready at rome, such as `false,true`. */
async function homeThere(rome: TestCluster, shop: Offloaded): Promise<string> {
  return areReady((await slicesThere(rome, shop, 'web')).ours)
    .sort()
    .join();
}

/** Whether the endpoint at rome is ready at home. */
async function farAtHome(milan: TestCluster): Promise<string> {
  const far = endpointsOf(await slicesOf(milan, NAMESPACE, 'web')).filter(({ nodeName }) => nodeName === 'rome');
  return far.map(({ conditions }) => conditions.ready).join();
}

test('NODE-14 POD-26 REF-41 a lost tunnel takes node, pods and endpoints out of use on both sides, and back', async ({
  milan,
  rome,
  bed,
  peered: _,
}) => {
  const shop = await world(milan, rome);
  const there = () => homeThere(rome, shop);
  const node = () => milan.find('get node rome');
  const far = () => shop.pod('far');
  await until(
    'all is well',
    async () => (await there()) === 'false,true' && isReady(await node()) && isReady(await far()),
    60_000,
  );

  // The tunnel is UDP: the API servers go on answering.
  await without('meta l4proto udp', { bed, milan, rome }, async () => {
    await until('endpoints of home are not ready there', async () => (await there()) === 'false,false', 10_000 * SLACK);
    const lost = await until(
      'the node is not ready',
      async () => !isReady(await node()) && (await node()),
      20_000 * SLACK,
    );
    expect(condition(lost, 'NetworkUnavailable')).toMatchObject({ status: 'True' });
    expect(condition(lost, 'Ready')?.['reason']).not.toBe('ProviderReady');
    await until('its pod is not ready', async () => !isReady(await far()));
    const [remote] = await shop.remotePods((await far())?.['metadata'].uid);
    expect(isReady(remote)).toBe(true);
    await until('nor is its endpoint at home', async () => (await farAtHome(milan)) === 'false');
    await throughout('it stays so', async () => !isReady(await far()) && (await there()) === 'false,false', 5_000);

    await milan.kubectl(['patch', 'virtualnode', 'rome', '--type=merge', '-p', '{"spec":{"networkCheck":false}}']);
    try {
      await until('with the check off both are good', async () => {
        const current = await node();
        return isReady(current) && condition(current, 'NetworkUnavailable')?.['status'] === 'False';
      });
      await until('its pod too', async () => isReady(await far()));
    } finally {
      await milan.kubectl(['patch', 'virtualnode', 'rome', '--type=merge', '-p', '{"spec":{"networkCheck":null}}']);
    }
    await until('with it on neither is', async () => !isReady(await node()));
  });

  await until('endpoints of home are ready there again', async () => (await there()) === 'false,true', 5_000 * SLACK);
  await until('the node is ready again', async () => isReady(await node()), 30_000);
  await until('its pod too', async () => isReady(await far()));
});

test('NET-36 while a peer is lost none of its endpoints is used on the other side, however long it stays away', async ({
  milan,
  rome,
  bed,
  peered: _,
}) => {
  const shop = await world(milan, rome);
  const ready = async () => `${await farAtHome(milan)} ${await homeThere(rome, shop)}`;
  await until('both are used', async () => (await ready()) === 'true false,true', 60_000);
  await without('', { bed, milan, rome }, async () => {
    await until('neither is', async () => (await ready()) === 'false false,false', 25_000 * SLACK);
    await throughout('it stays so', async () => (await ready()) === 'false false,false', 15_000);
  });
  await until('both are used again', async () => (await ready()) === 'true false,true', 60_000);
});

test('NODE-18 endpoints of pods of a lost node leave the Services at home within 25 s, and return with it', async ({
  milan,
  rome,
  bed,
  peered: _,
}) => {
  await world(milan, rome);
  const ready = () => farAtHome(milan);
  await until('its endpoint is ready', async () => (await ready()) === 'true', 60_000);
  await bed.control(['stop', 'rome', 'apiserver', '--kill']);
  try {
    await until('it is not', async () => (await ready()) === 'false', 25_000 * SLACK);
    await throughout('it stays so', async () => (await ready()) === 'false', 5_000);
  } finally {
    await bed.control(['start', 'rome', 'apiserver']);
  }
  await until('it is ready again', async () => (await ready()) === 'true', 90_000);
});
