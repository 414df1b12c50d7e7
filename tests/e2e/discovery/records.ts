/** Records of clusters in a zone that clusters look at, for tests of what comes after finding them. */
import { type Bed, type Json, type TestCluster, until } from '../bed.ts';
import { linkAddress, setDiscovery } from './settings.ts';
import { serveZone } from './zone.ts';

export interface Records extends AsyncDisposable {
  /** Makes the zone list exactly these clusters, and waits until `seer` has found them and may ask no others. */
  list(seer: TestCluster, clusters: Record<string, { fingerprint: string; addresses: string[] }>): Promise<void>;
}

/** Serves `domain` and has `clusters` look at it. Dispose it: they look nowhere then. */
export async function recordsFor(bed: Bed, clusters: TestCluster[], domain: string, port: number): Promise<Records> {
  const stack = new AsyncDisposableStack();
  const [first] = clusters;
  if (first === undefined) throw new Error('nobody looks');
  const zone = stack.use(await serveZone(domain, await linkAddress(first), port));
  const look = (dns: object) => Promise.all(clusters.map((cluster) => setDiscovery(bed, cluster, { dns })));
  stack.defer(async () => void (await look({ domains: [], resolver: '', periodSeconds: 30 })));
  await look({ domains: [domain], resolver: zone.resolver, periodSeconds: 5 });
  return {
    async list(seer, listed) {
      const lines = Object.entries(listed).flatMap(([name, { fingerprint, addresses }]) => {
        const [host, toPort] = (addresses[0] ?? '').split(':');
        const claim = `"name=${name}" "id=${fingerprint}" "label.env=test" "host=${name}.${domain}"`;
        return [`_tombolo._tcp SRV 10 10 ${toPort} ${name}`, `_tombolo._tcp TXT ${claim}`, `${name} A ${host}`];
      });
      await zone.set(lines);
      await until(
        `${seer.name} finds ${Object.keys(listed).join(', ') || 'nobody'}`,
        async () => {
          const { clusters: found } = JSON.parse((await seer.tombolo('discover --all -o json')).stdout) as Json;
          const usable: Json[] = found.filter((entry: Json) => ['Available', 'Own'].includes(entry['state']));
          const isListed = (entry: Json) => listed[entry['name']]?.fingerprint === entry['fingerprint'];
          return (
            usable.every(isListed) && Object.keys(listed).every((name) => usable.some((one) => one['name'] === name))
          );
        },
        60_000,
      );
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Removes requests and rules, so that the next test begins with none. */
export async function forgetRequests(...clusters: TestCluster[]): Promise<void> {
  for (const cluster of clusters) {
    await cluster.kubectl('delete peeringrules --all');
    await cluster.kubectl('-n tombolo-system delete peeringrequests --all');
  }
}
