/** `npm run demo -- --discover`: how milan and rome come together without a token or a kubeconfig that is carried around. */
import { type Bed, type Json, type TestCluster, until } from '../e2e/bed.ts';
import { discover, named, selfOf, setDiscovery } from '../e2e/discovery/settings.ts';

const DOMAIN = 'clusters.example';
const NAMESPACE = 'dns';

/** What the demo offers to those who tell a part of it. */
export interface Teller {
  say(text: string): void;
  step<T>(words: string, run: () => Promise<T>): Promise<T>;
  /** Prints the command and runs it. @throws Error where its exit code is not 0 */
  tombolo(cluster: TestCluster, args: string[]): Promise<string>;
}

/** rome stands in a DNS zone; milan finds it there and asks; rome accepts. The zone stays; run again, it goes on where it stopped. */
export async function peerByDiscovery(bed: Bed, milan: TestCluster, rome: TestCluster, teller: Teller): Promise<void> {
  const { say, step, tombolo } = teller;
  const rollout = `a DNS server lists rome in ${DOMAIN}, and milan looks there (\`discovery.dns.domains\`)`;
  await step(rollout, async () => {
    const resolver = await serveZone(milan, zoneOf(await selfOf(rome)));
    await setDiscovery(bed, milan, { dns: { domains: [DOMAIN], resolver, periodSeconds: 5 } });
  });
  const hasFound = async () => named((await discover(milan)).found, 'rome') !== undefined;
  await step('milan has found rome', () => until('milan finds rome', hasFound, 60_000));
  say(await tombolo(milan, ['discover']));
  say(await tombolo(milan, ['peer', 'rome', '--no-wait']));
  await step('the request has arrived on rome', () => until('a request of milan', () => hasAsked(rome), 60_000));
  say(await tombolo(rome, ['requests']));
  say(await tombolo(rome, ['accept', 'milan']));
  await step('milan and rome are peered', () => tombolo(milan, ['peer', 'rome']));
}

async function hasAsked(rome: TestCluster): Promise<boolean> {
  const { items } = await rome.json('-n tombolo-system get peeringrequests');
  return items.some(({ spec }: Json) => spec.clusterName === 'milan');
}

/** The zone file: what the owner of a domain writes down for clusters to find rome. */
function zoneOf({ fingerprint, addresses }: { fingerprint: string; addresses: string[] }): string {
  const [host, port] = (addresses[0] ?? '').split(':');
  return [
    `$ORIGIN ${DOMAIN}.`,
    '$TTL 5',
    `@ SOA ns.${DOMAIN}. admin.${DOMAIN}. ${Math.floor(Date.now() / 1000)} 60 60 600 5`,
    '@ NS ns',
    `ns A ${host}`,
    `_tombolo._tcp SRV 10 10 ${port} rome`,
    `_tombolo._tcp TXT "name=rome" "id=${fingerprint}" "label.env=demo" "host=rome.${DOMAIN}"`,
    `rome A ${host}`,
    '',
  ].join('\n');
}

/** Runs a CoreDNS in milan that serves the zone, and stays with the demo. Returns its `ADDRESS:PORT`. */
async function serveZone(milan: TestCluster, zone: string): Promise<string> {
  const labels = { app: 'zone' };
  const metadata = { name: 'zone', namespace: NAMESPACE };
  const Corefile = `.:53 {\n  errors\n  ready\n  file /etc/coredns/zone ${DOMAIN} {\n    reload 2s\n  }\n}\n`;
  const coredns = {
    name: 'coredns',
    image: 'tombolo.test/coredns:1',
    args: ['-conf', '/etc/coredns/Corefile'],
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns' }],
    readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
  };
  const spec = {
    nodeSelector: { 'tombolo.test/real': 'true' },
    containers: [coredns],
    volumes: [{ name: 'config', configMap: { name: 'zone' } }],
  };
  await milan.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await milan.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile, zone } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
    },
  );
  await milan.kubectl(['-n', NAMESPACE, 'rollout', 'status', 'deployment/zone', '--timeout=60s'], {
    timeoutMs: 70_000,
  });
  return `${(await milan.json(['-n', NAMESPACE, 'get', 'service', 'zone']))['spec'].clusterIP}:53`;
}
