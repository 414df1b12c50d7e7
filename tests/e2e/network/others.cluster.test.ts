import { expect } from 'vitest';
import { call, type Json, until } from '../bed.ts';
import { condition, remotePod, test } from '../fixtures.ts';
import { CONTAINERS, networkReady, onNode, realNodes, tunnelUp } from './network-fixtures.ts';
import { hostClient, internalAddress, probe } from './probes.ts';

const TYPE = 'tombolo.io/NetworkUnavailable';

test('what others have on a node stays, is named on the Node and by status where it stands in our way, and disturbs no other node', async ({
  bed,
  milan,
  shop,
}) => {
  await tunnelUp(milan);
  await shop.create(remotePod('there', { containers: CONTAINERS }));
  const there = (await shop.podInPhase('there', 'Running', 60_000))['status'].podIP as string;
  const [first = '', second = ''] = await realNodes(milan);
  if (second === '') throw new Error('this needs a bed whose clusters have two nodes: npm run testbed -- up --nodes 2');
  const answers = async (node: string) => {
    const lines = await probe(hostClient(bed, 'milan', node), [{ name: 'there', host: there, isPod: true }]);
    return !lines.join().includes('silence');
  };
  await until('both nodes reach the peer', async () => (await answers(first)) && (await answers(second)));
  const [{ alias }] = (await milan.json('get peer rome'))['status'].network.aliases as [{ alias: string }];
  const theirs = [
    'ip link del tombolo-vx',
    `ip link add others type vxlan id 7 local ${await internalAddress(milan, second)} dstport 51840 nolearning`,
    'ip link set others up',
    'nft add table inet others',
  ];
  const said = async () => condition(await milan.json(`get node ${second}`), TYPE);
  const problem = (reason: string) =>
    until(
      `the node says ${reason}`,
      async () => {
        const found = await said();
        return found?.['reason'] === reason && (found['message'] as string);
      },
      60_000,
    );
  const world = () => onNode(bed, 'milan', second, 'ip link show others; nft list table inet others');
  try {
    await onNode(bed, 'milan', second, theirs.join(' && '));
    // A fresh agent looks at once; the one that runs does within half a minute.
    await milan.kubectl(
      `-n tombolo-system delete pod -l tombolo.io/component=agent --field-selector spec.nodeName=${second} --wait=false`,
    );
    expect(await problem('OverlayPortTaken')).toMatch(
      /UDP port 51840: the VXLAN others has it, and is not ours; choose another overlay port/,
    );
    const status = await milan.tombolo('status --check -o json');
    expect(status.code).not.toBe(0);
    expect(JSON.parse(status.stdout).problems.join()).toMatch(
      new RegExp(`node ${second} does not reach peers: .*VXLAN others`),
    );
    expect(await world()).toMatch(/others: <[^]*table inet others/);
    expect(await answers(first)).toBe(true);
    expect((await networkReady(milan, 'rome'))?.['status']).toBe('True');

    // Our own route stands beside a foreign one, which is named while it takes packets away.
    await onNode(bed, 'milan', second, `ip route add ${alias} dev lo && ip link del others`);
    expect(await problem('OverlayRouteForeign')).toContain(`route ${alias} dev lo`);
    expect(await onNode(bed, 'milan', second, `ip route show ${alias}`)).toMatch(
      /dev lo[^]*dev tombolo-vx|dev tombolo-vx[^]*dev lo/,
    );
    expect(await answers(first)).toBe(true);
    await onNode(bed, 'milan', second, `ip route del ${alias} dev lo`);
    await until('the node says nothing any more', async () => (await said()) === undefined, 60_000);
    expect(await answers(second)).toBe(true);
    expect(await onNode(bed, 'milan', second, 'nft list tables')).toContain('inet others');
  } finally {
    const away = ['ip link del others', 'nft delete table inet others', `ip route del ${alias} dev lo`];
    await onNode(bed, 'milan', second, `${away.map((line) => `${line} 2>/dev/null`).join('; ')}; true`);
  }
});

test('an agent writes to its own Node alone, and there nothing but its condition', async ({ milan, peered: _ }) => {
  const [first = '', second = ''] = await realNodes(milan);
  const agents = (await milan.json('-n tombolo-system get pods -l tombolo.io/component=agent'))['items'];
  const pod = agents.find((one: Json) => one['spec'].nodeName === first)['metadata'];
  const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', pod.name, '--bound-object-uid', pod.uid];
  const token = (await milan.kubectl(['-n', 'tombolo-system', 'create', 'token', 'tombolo-agent', ...bound])).trim();
  const server = await milan.kubectl(['config', 'view', '--output', 'jsonpath={.clusters[0].cluster.server}']);
  const conditions = (type: string) => [{ type, status: 'True', reason: 'Test', message: 'test' }];
  const patch = async (node: string, body: object): Promise<Json> => {
    const mediaType = 'content-type: application/strategic-merge-patch+json';
    const url = `${server}/api/v1/nodes/${node}/status`;
    // Not kubectl: it reads before it patches, which an agent may not.
    const line = ['--insecure', '--silent', '--request', 'PATCH', '--header', '@-', '--header', mediaType];
    return JSON.parse(
      (
        await call('curl', [...line, '--data', JSON.stringify(body), url], {
          stdin: `authorization: Bearer ${token}`,
        })
      ).stdout,
    );
  };
  const denied = (what: string) => ({ code: 422, message: expect.stringContaining(what) });
  const own = { status: { conditions: conditions(TYPE) } };
  expect(await patch(second, own)).toMatchObject(denied('the node that it runs on alone'));
  const pressure = { status: { conditions: conditions('DiskPressure') } };
  expect(await patch(first, pressure)).toMatchObject(denied('tombolo.io/NetworkUnavailable alone'));
  for (const body of [
    { status: { addresses: [{ type: 'ExternalIP', address: '192.0.2.1' }] } },
    { status: { capacity: { 'example.com/thing': '1' } } },
    { metadata: { annotations: { 'tombolo.io/anchor-address': '192.0.2.1' } } },
    { metadata: { labels: { 'example.com/pool': 'other' } } },
  ]) {
    expect(await patch(first, body)).toMatchObject(denied('nothing but that condition'));
  }
  expect(await patch(first, own)).toMatchObject({ kind: 'Node' });
  await until(
    'the agent takes it back',
    async () => condition(await milan.json(`get node ${first}`), TYPE) === undefined,
    60_000,
  );
});
