import { afterAll, describe, expect } from 'vitest';
import { unpeer } from '../apart.ts';
import { type Bed, type Json, openBed, type TestCluster, until } from '../bed.ts';
import { AGNHOST, BUSYBOX, condition, ensurePeered, offload, type Offloaded, remotePod, test } from '../fixtures.ts';
import { addressesOf, answers, homePod, service, slicesThere, webPorts } from '../services-fixtures.ts';
import { GATEWAY_LINKS, gatewayShell, linksOf } from './gateway-shell.ts';

const CONTAINERS = [
  { name: 'box', image: BUSYBOX, command: ['sleep', '3600'] },
  { name: 'main', image: AGNHOST, args: ['netexec', '--http-port', '8080', '--udp-port', '8081'] },
];
const WEB = { labels: { app: 'web' } };
const atTurin = { nodeSelector: { 'tombolo.io/peer': 'turin' } };
const SHOP = `transit-${process.pid.toString(36)}`;
const BANK = `${SHOP}-bank`;

/** `shop` of milan on all three clusters, `bank` on turin alone; rome and turin know milan and nobody else. */
interface World {
  readonly shop: Offloaded;
  /** Addresses of pods as milan sees them. */
  readonly seen: Readonly<Record<'here' | 'there' | 'beyond' | 'vault', string>>;
}

let made: Promise<World> | undefined;

async function makeWorld(milan: TestCluster, rome: TestCluster, turin: TestCluster): Promise<World> {
  for (const provider of [rome, turin]) await ensurePeered(milan, provider);
  for (const peer of ['rome', 'turin']) {
    await until(
      `the tunnel to ${peer} is up`,
      async () => {
        return condition(await milan.find(`get peer ${peer}`), 'NetworkReady')?.['status'] === 'True';
      },
      60_000,
    );
  }
  const onlyTurin = [{ matchExpressions: [{ key: 'tombolo.io/peer', operator: 'In', values: ['turin'] }] }];
  await milan.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: BANK } },
    {
      apiVersion: 'tombolo.io/v1alpha1',
      kind: 'Offloading',
      metadata: { name: 'offloading', namespace: BANK },
      spec: { peerSelector: onlyTurin },
    },
  );
  const shop = await offload(milan, rome, SHOP);
  for (const name of [SHOP, BANK]) {
    await until(
      `${name} has a twin on turin`,
      async () => {
        const { status } = await milan.json(`-n ${name} get offloading offloading`);
        return status?.peers?.some(({ peer, state }: Json) => peer === 'turin' && state === 'Accepted');
      },
      30_000,
    );
  }
  await shop.create(
    service('web', { selector: WEB.labels, ports: webPorts }),
    homePod('here', { containers: CONTAINERS }, WEB),
    remotePod('there', { containers: CONTAINERS }, WEB),
    remotePod('beyond', { containers: CONTAINERS, ...atTurin }, WEB),
  );
  const vault = remotePod('vault', { containers: CONTAINERS, ...atTurin }, { namespace: BANK });
  await until('bank takes pods', async () => (await milan.apply(vault)) !== '');
  const addressOf = (namespace: string, pod: string) =>
    until(
      `${pod} runs`,
      async () => {
        const { status } = await milan.json(['-n', namespace, 'get', 'pod', pod]);
        return status.phase === 'Running' && (status.podIP as string | undefined);
      },
      90_000,
    );
  const [here, there, beyond] = await Promise.all(['here', 'there', 'beyond'].map((pod) => addressOf(SHOP, pod)));
  return {
    shop,
    seen: { here: here ?? '', there: there ?? '', beyond: beyond ?? '', vault: await addressOf(BANK, 'vault') },
  };
}

interface Network {
  readonly endpoints: readonly string[];
  readonly aliases: readonly { readonly original: string; readonly alias: string }[];
  readonly transit: readonly { readonly range: string; readonly original: string; readonly origin: string }[];
}

const networkOf = async (cluster: TestCluster, peer: string): Promise<Network> =>
  (await cluster.json(`get peer ${peer}`))['status'].network;

/** How a leaf sees an address of milan's world: every pod range of the bed is a /16. */
async function seenFrom(leaf: TestCluster, address: string): Promise<string | undefined> {
  const half = (text: string, from: number, to: number) => text.split('.').slice(from, to).join('.');
  const { aliases } = await networkOf(leaf, 'milan');
  const found = aliases.find(
    ({ original }) => original.endsWith('/16') && half(original, 0, 2) === half(address, 0, 2),
  );
  return found && `${half(found.alias, 0, 2)}.${half(address, 2, 4)}`;
}

/** Asks from a pod who it is that asks, as the other one sees it; what did not come back is empty. */
async function ask(milan: TestCluster, namespace: string, pod: string, address: string, seconds = 5): Promise<string> {
  const line = ['timeout', String(seconds), 'wget', '-qO-', `http://${address}:8080/clientip`];
  const { stdout } = await milan.try(['-n', namespace, 'exec', pod, '-c', 'box', '--', ...line]);
  return stdout.trim().replace(/:\d+$/, '');
}

/** The same by UDP, from a pod of the shop. */
async function askByUdp(milan: TestCluster, pod: string, address: string): Promise<string> {
  const query = `request=clientip&protocol=udp&host=${address}&port=8081&tries=1`;
  const answer = await milan.kubectl(`get --raw /api/v1/namespaces/${SHOP}/pods/${pod}:8080/proxy/dial?${query}`);
  return String(JSON.parse(answer).responses?.[0]).replace(/:\d+$/, '');
}

/** Pairs of ranges between which milan's gateway passes packets. */
async function transitOf(milan: TestCluster): Promise<string[]> {
  const lease = await milan.json('-n tombolo-system get lease tombolo-gateway');
  const pods = await milan.json('-n tombolo-system get pods -l tombolo.io/component=gateway');
  const active = pods['items'].find((pod: Json) => pod['metadata'].uid === lease['spec'].holderIdentity);
  const line = `-n tombolo-system exec ${active.metadata.name} -c gateway -- nft list set inet tombolo transit4`;
  return (await milan.kubectl(line)).match(/[\d./]+ \. [\d./]+/g) ?? [];
}

/** A node's UDP packets from that other cluster are lost: all, since what one port lets in, gateways find by dialling the other way. */
async function cut(bed: Bed, at: TestCluster, from: TestCluster): Promise<AsyncDisposable> {
  const nodesOf = async (cluster: TestCluster): Promise<Json[]> =>
    (await cluster.json('get nodes -l !tombolo.io/peer'))['items'];
  const sources = (await nodesOf(from)).map(
    ({ status }) => status.addresses.find(({ type }: Json) => type === 'InternalIP').address,
  );
  const names = (await nodesOf(at)).map(({ metadata }) => metadata.name as string);
  const onEach = async (script: string) => {
    for (const name of names) {
      const { code, stderr } = await bed.control(['exec', `${at.name}/${name}`, '--', 'sh', '-c', script]);
      expect(code, stderr).toBe(0);
    }
  };
  await onEach(
    [
      'nft add table inet testcut',
      "nft 'add chain inet testcut in { type filter hook prerouting priority -400; }'",
      `nft 'add rule inet testcut in ip saddr { ${sources.join(', ')} } meta l4proto udp drop'`,
    ].join(' && '),
  );
  return { [Symbol.asyncDispose]: () => onEach('nft delete table inet testcut') };
}

afterAll(async () => {
  if (made === undefined) return;
  const bed = openBed();
  const [milan, turin] = [bed.cluster('milan'), bed.cluster('turin')];
  await milan.try(['delete', 'namespace', SHOP, BANK, '--timeout=60s'], { timeoutMs: 70_000 });
  await unpeer(milan, 'turin'); // other tests expect that milan has one peer
  await unpeer(turin, 'milan');
  await unpeer(bed.cluster('rome'), 'turin');
  await unpeer(turin, 'rome');
});

describe('two clusters that know a third one only', () => {
  test('NET-16 NET-17 reach each other’s pods of a shared namespace through it, by address and by Service, although all have the same ranges', async ({
    milan,
    rome,
    turin,
  }) => {
    const { shop, seen } = await (made ??= makeWorld(milan, rome, turin));
    const [beyond, there] = await until(
      'each is told of the other',
      async () => {
        const both = await Promise.all([seenFrom(rome, seen.beyond), seenFrom(turin, seen.there)]);
        return both[0] !== undefined && both[1] !== undefined && ([both[0], both[1]] as const);
      },
      30_000,
    );
    for (const leaf of [rome, turin]) {
      const { aliases, transit } = await networkOf(leaf, 'milan');
      expect(transit.map(({ original }) => original)).toEqual(['10.244.0.0/16']);
      expect(new Set(['10.244.0.0/16', ...aliases.map(({ alias }) => alias)]).size).toBe(aliases.length + 1);
    }
    await until('packets pass', async () => (await ask(milan, SHOP, 'there', beyond)) === there);
    expect(await ask(milan, SHOP, 'beyond', there)).toBe(beyond);
    for (const [pod, address] of [
      ['there', beyond],
      ['beyond', there],
    ] as const) {
      const inBox = ['-n', SHOP, 'exec', pod, '-c', 'box', '--'];
      expect(await milan.kubectl([...inBox, 'ping', '-c', '2', '-W', '5', address])).toContain(' 0% packet loss');
      expect(await askByUdp(milan, pod, address)).toBe(pod === 'there' ? there : beyond);
    }
    for (const pod of ['here', 'there', 'beyond']) await answers(shop, milan, pod, 'web', 'here', 'there', 'beyond');
  });

  // For ten of them: network/gateway/plan-gateway.test.ts.
  test('NET-20 both are at one interface and one UDP port of it', async ({ milan, rome, turin }) => {
    await (made ??= makeWorld(milan, rome, turin));
    expect(await linksOf(await gatewayShell(milan))).toEqual(GATEWAY_LINKS);
    const told = await Promise.all([rome, turin].map(async (leaf) => (await networkOf(leaf, 'milan')).endpoints));
    expect(told[0]).toEqual(told[1]);
    expect(new Set(told.flat().map((endpoint) => endpoint.split(':').at(-1))).size).toBe(1);
    for (const peer of ['rome', 'turin']) {
      expect(condition(await milan.find(`get peer ${peer}`), 'NetworkReady')).toMatchObject({ status: 'True' });
    }
  });

  test('NET-19 pass nothing to pods of a namespace that they do not share, nor anything once transit is denied', async ({
    milan,
    rome,
    turin,
  }) => {
    const { seen } = await (made ??= makeWorld(milan, rome, turin));
    const addresses = () =>
      Promise.all([seenFrom(rome, seen.beyond), seenFrom(turin, seen.there), seenFrom(rome, seen.vault)]);
    const [beyond = '', there = '', vault = ''] = await until(
      'each is told of the other',
      async () => {
        const all = await addresses();
        return all.every((address) => address !== undefined) && all;
      },
      30_000,
    );
    await until('packets pass', async () => (await ask(milan, SHOP, 'there', beyond)) === there);
    expect(await ask(milan, SHOP, 'there', vault, 3)).toBe('');
    expect(await ask(milan, BANK, 'vault', there, 3)).toBe('');
    expect(await transitOf(milan)).toHaveLength(2);

    const decide = async (peer: string, transit: 'Deny' | null) =>
      milan.kubectl(['patch', 'peer', peer, '--type=merge', '-p', JSON.stringify({ spec: { transit } })]);
    try {
      await decide('turin', 'Deny');
      await until('nobody is told of the other', async () => (await addresses()).every((one) => one === undefined));
      await until('no rule is left', async () => (await transitOf(milan)).length === 0);
      expect(await ask(milan, SHOP, 'there', beyond, 3)).toBe('');
      expect(await ask(milan, SHOP, 'beyond', there, 3)).toBe('');
    } finally {
      await decide('turin', null);
    }
    await until('packets pass again', async () => (await ask(milan, SHOP, 'there', beyond)) === there, 30_000);
  });

  test('NET-35 answer a Service that prefers its own cluster: own pods first, then those of any other', async ({
    milan,
    rome,
    turin,
  }) => {
    const { shop } = await (made ??= makeWorld(milan, rome, turin));
    const pods = ['here', 'there', 'beyond'] as const;
    const seenBy = async (pod: string) => {
      const one = 'timeout 3 wget -qO- http://web/hostname || echo failed';
      const line = `for i in $(seq 30); do echo "$(${one})"; done | sort -u`;
      const told = await milan.kubectl(['-n', SHOP, 'exec', pod, '-c', 'box', '--', 'sh', '-c', line]);
      return told.trim().split('\n').join();
    };
    const annotate = (mark: string) =>
      milan.kubectl(['-n', SHOP, 'annotate', '--overwrite', 'service', 'web', `tombolo.io/service-affinity${mark}`]);
    await annotate('=local');
    try {
      for (const pod of pods) await until(`${pod} stays at home`, async () => (await seenBy(pod)) === pod, 30_000);
      // None left in the own cluster: a pod without the label is no endpoint, and can still ask.
      await milan.kubectl(['-n', SHOP, 'label', 'pod', 'here', 'app-']);
      await until('both others answer here', async () => (await seenBy('here')) === 'beyond,there', 30_000);
      expect(await seenBy('there')).toBe('there');
      await milan.kubectl(['-n', SHOP, 'label', 'pod', 'here', 'app=web']);
      await milan.kubectl(['-n', SHOP, 'label', 'pod', 'beyond', 'app-']);
      await until('both others answer beyond', async () => (await seenBy('beyond')) === 'here,there', 30_000);
      await until('here is its own again', async () => (await seenBy('here')) === 'here', 30_000);
    } finally {
      await milan.kubectl(['-n', SHOP, 'label', '--overwrite', 'pod', 'here', 'beyond', 'app=web']);
      await annotate('-');
    }
    for (const pod of pods) await answers(shop, milan, pod, 'web', ...pods);
  });

  test('NET-18 leave it where they have a tunnel of their own, come back when that is down, and leave it again', async ({
    bed,
    milan,
    rome,
    turin,
  }) => {
    const { shop, seen } = await (made ??= makeWorld(milan, rome, turin));
    const through = await until('rome is told of turin', () => seenFrom(rome, seen.beyond), 30_000);
    const inSlices = async (address: string) =>
      addressesOf((await slicesThere(rome, shop, 'web')).ours).includes(address);
    await until('the Service leads through milan', () => inSlices(through), 30_000);

    const flags = [
      '--remote-kubeconfig',
      turin.kubeconfig,
      '--name',
      'turin',
      '--resources',
      'cpu=1,memory=1Gi,pods=2',
    ];
    expect(await rome.tombolo(['peer', ...flags])).toMatchObject({ code: 0 });
    const ready = async () => condition(await rome.find('get peer turin'), 'NetworkReady')?.['status'] === 'True';
    await until('the tunnel from rome to turin is up', ready, 60_000);
    const host = (address: string) => address.split('.').slice(2).join('.');
    const prefix = async (leaf: TestCluster, peer: string) =>
      (await networkOf(leaf, peer)).aliases
        .find(({ original }) => original === '10.244.0.0/16')
        ?.alias.replace(/0\.0\/16$/, '');
    const direct = `${await prefix(rome, 'turin')}${host(seen.beyond)}`;
    const asker = `${await prefix(turin, 'rome')}${host(seen.there)}`;
    await until('the Service leads to turin', () => inSlices(direct), 30_000);
    expect(await inSlices(through)).toBe(false);
    await until('packets pass', async () => (await ask(milan, SHOP, 'there', direct)) === asker);
    {
      await using _ = await cut(bed, turin, rome);
      await until('the Service leads through milan again', () => inSlices(through), 15_000);
      await answers(shop, milan, 'there', 'web', 'beyond');
    }
    await until('the Service leads to turin again', () => inSlices(direct), 30_000);
    await answers(shop, milan, 'there', 'web', 'beyond');
  });
});
