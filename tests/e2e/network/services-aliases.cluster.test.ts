import { type Json, type TestCluster, until } from '../bed.ts';
import { apart } from '../apart.ts';
import { condition, remotePod, test } from '../fixtures.ts';
import { addressesOf, homePod, service, slicesThere, webPorts, webServer } from '../services-fixtures.ts';

const reserve = (cluster: TestCluster, reservedRanges: string[] | null) =>
  cluster.kubectl([
    'patch',
    'clusternetwork',
    'cluster',
    '--type=merge',
    '-p',
    JSON.stringify({ spec: { reservedRanges } }),
  ]);

/** How that cluster sees the pods of its peer. */
async function aliasOfPods(cluster: TestCluster, peer: string): Promise<string> {
  const [pods] = (await cluster.json(['get', 'peer', peer]))['status'].network.aliases;
  return pods.alias;
}

test('REF-44 slices and pod addresses follow the alias of their range, and no old one stays', async ({
  shop,
  milan,
  rome,
}) => {
  await shop.create(
    service('web', { selector: { app: 'web' }, ports: webPorts }),
    homePod('home', { containers: [webServer] }, { labels: { app: 'web' } }),
    homePod('other', { containers: [webServer] }, { labels: { app: 'web' } }),
    remotePod('far', { containers: [webServer] }, { labels: { app: 'web' } }),
  );
  for (const name of ['home', 'other', 'far']) await shop.podInPhase(name, 'Running', 60_000);
  const inRange = (alias: string, addresses: (string | undefined)[]) =>
    addresses.every((address) => address?.startsWith(`${alias.split('.').slice(0, 2).join('.')}.`));
  const there = async () => addressesOf((await slicesThere(rome, shop, 'web')).ours);
  const farIp = async (): Promise<string | undefined> => (await shop.pod('far'))?.['status'].podIP;
  const atHome = async (): Promise<string[]> => {
    const line = ['-n', shop.name, 'get', 'endpointslices', '-l', 'kubernetes.io/service-name=web'];
    const slices: Json[] = (await milan.json(line))['items'];
    return slices
      .flatMap((slice) => slice['endpoints'] ?? [])
      .filter(({ nodeName }) => nodeName === 'rome')
      .flatMap(({ addresses }) => addresses);
  };
  const before = { home: await aliasOfPods(rome, 'milan'), far: await aliasOfPods(milan, 'rome') };
  await until('all are seen', async () => {
    const [slices, ip] = await Promise.all([there(), farIp()]);
    return slices.length === 2 && inRange(before.home, slices) && ip !== undefined && inRange(before.far, [ip]);
  });
  try {
    // Taken away by their own sides: the peers get other ones.
    await reserve(rome, [before.home]);
    await reserve(milan, [before.far]);
    const after = await until('both have another alias', async () => {
      const now = { home: await aliasOfPods(rome, 'milan'), far: await aliasOfPods(milan, 'rome') };
      return now.home !== before.home && now.far !== before.far && now;
    });
    await until(
      'the slices follow',
      async () => {
        const slices = await there();
        return slices.length === 2 && inRange(after.home, slices);
      },
      30_000,
    );
    await until('the pod follows', async () => inRange(after.far, [await farIp()]), 30_000);
    await until('its endpoint at home follows', async () => inRange(after.far, await atHome()), 30_000);
    await until('and is ready', async () => condition(await shop.pod('far'), 'Ready')?.['status'] === 'True', 60_000);
  } finally {
    await reserve(rome, null);
    await reserve(milan, null);
    await apart(milan, rome); // other tests expect the aliases of a fresh peering
  }
});
