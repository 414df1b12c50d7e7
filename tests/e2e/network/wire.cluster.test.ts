import { describe, expect } from 'vitest';
import { type Json, type TestCluster, until } from '../bed.ts';
import { BUSYBOX, type Offloaded, remotePod, test } from '../fixtures.ts';
import { aliasOf, CONTAINERS, homePod, onNode, realNodes, tunnelUp } from './network-fixtures.ts';
import { gatewayAddress, gatewayShell, hostileGateway, traceTunnel } from './gateway-shell.ts';
import { hostClient, internalAddress, podClient, probe } from './probes.ts';

interface World {
  /** Addresses of a home pod: own, and as rome sees it. */
  readonly here: string;
  readonly hereThere: string;
  /** Address of a remote pod as milan sees it. */
  readonly there: string;
  /** Ranges of the other one, as seen by milan and by rome. */
  readonly ofRome: Json[];
  readonly ofMilan: Json[];
}

async function worldOf(milan: TestCluster, shop: Offloaded): Promise<World> {
  await tunnelUp(milan);
  const [node = ''] = await realNodes(milan);
  await shop.create(homePod('here', node), remotePod('there', { containers: CONTAINERS }));
  const here = (await shop.podInPhase('here', 'Running', 60_000))['status'].podIP as string;
  const there = (await shop.podInPhase('there', 'Running', 60_000))['status'].podIP as string;
  const { aliases: ofRome, ourAliases: ofMilan } = (await milan.json('get peer rome'))['status'].network;
  return { here, hereThere: aliasOf(here, ofMilan), there, ofRome, ofMilan };
}

/** Whether an address lies in one of the ranges; those of the bed are /16 and /20. */
function isIn(address: string, ranges: readonly string[]): boolean {
  const number = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return ranges.some((range) => {
    const [base = '', length] = range.split('/');
    const size = 2 ** (32 - Number(length));
    return Math.floor(number(address) / size) === Math.floor(number(base) / size);
  });
}

describe('on the wire', () => {
  test('NET-12 NET-13 every packet goes from the receiver’s alias of the sender to the sender’s alias of the receiver; another source, or a destination that was not announced, is dropped and counted', async ({
    bed,
    milan,
    rome,
    shop,
  }) => {
    const { here, hereThere, there, ofRome, ofMilan } = await worldOf(milan, shop);
    const [node = ''] = await realNodes(milan);
    const [ours, theirs] = [await gatewayShell(milan), await gatewayShell(rome)];
    const atHome = podClient(milan, shop.name, 'here');
    const away = podClient(milan, shop.name, 'there');
    const toThere = [{ name: 'there', host: there, isPod: true }];
    const toHere = [{ name: 'here', host: hereThere, isPod: true }];
    await until('packets pass', async () => !(await probe(atHome, toThere)).join().includes('silence'));
    {
      await using trace = await traceTunnel(ours);
      await using traceThere = await traceTunnel(theirs);
      const answers = [
        ...(await probe(atHome, toThere)),
        ...(await probe(away, toHere)),
        ...(await probe(hostClient(bed, 'milan', node), toThere)),
      ];
      expect(answers.join()).not.toContain('silence');
      const anchor = (await milan.json(`get node ${node}`))['metadata'].annotations['tombolo.io/anchor-address'];
      const sent = [`${hereThere} . ${there}`, `${aliasOf(anchor, ofMilan as [])} . ${there}`];
      const arrived = sent.map((pair) => pair.split(' . ').toReversed().join(' . '));
      for (const [way, pairs] of [
        ['out', sent],
        ['in', arrived],
      ] as const) {
        const seen = await trace.seen(way);
        expect(seen).toEqual(expect.arrayContaining([...pairs]));
        expect(await traceThere.seen(way === 'out' ? 'in' : 'out')).toEqual(expect.arrayContaining([...pairs]));
        // All that passes is of that form, whoever sent it, and nothing shows an address that only one side knows.
        const [senders, receivers] = way === 'out' ? [ofMilan, ofRome] : [ofRome, ofMilan];
        for (const pair of seen) {
          const [source = '', destination = ''] = pair.split(' . ');
          expect(
            isIn(
              source,
              senders.map(({ alias }) => alias),
            ),
            pair,
          ).toBe(true);
          expect(
            isIn(
              destination,
              receivers.map(({ alias }) => alias),
            ),
            pair,
          ).toBe(true);
        }
        expect(seen.join(' ')).not.toContain(here);
      }
    }

    await using trace = await traceTunnel(ours);
    await using hostile = await hostileGateway(theirs, milan);
    const forged = '198.51.100.9';
    const before = {
      source: await ours.refused({ peer: 'rome', why: 'source' }),
      destination: await ours.refused({ peer: 'rome', why: 'destination' }),
    };
    await until('packets with another source are counted', async () => {
      await hostile.send(forged, [hereThere]);
      return (await ours.refused({ peer: 'rome', why: 'source' })) > before.source;
    });
    // What a gateway of ours makes of its own address: this one keeps nobody else's rules.
    const valid = aliasOf(await gatewayAddress(rome), ofRome as []);
    const nodeAddress = await internalAddress(milan, node);
    const unannounced = {
      node: nodeAddress,
      'a machine beside the nodes': nodeAddress.replace(/\d+$/, '1'),
      Internet: '192.0.2.1',
      'a pod by its own address': here,
      'the Service of the API': '10.96.0.1',
    };
    let refused = before.destination;
    for (const [what, address] of Object.entries(unannounced)) {
      await until(`packets to ${what} are counted`, async () => {
        await hostile.send(valid, [address]);
        return (await ours.refused({ peer: 'rome', why: 'destination' })) > refused;
      });
      refused = await ours.refused({ peer: 'rome', why: 'destination' });
    }
    const arrived = (await trace.seen('in')).join(' ');
    expect(arrived).not.toContain(`${forged} .`); // the device itself let nothing of it in …
    expect(arrived).toContain(`${valid} . ${nodeAddress}`); // … and this came as far as the rules
  });

  test('pods forge nothing into the overlay: neither to a gateway nor to a node, also with the address of the gateway', async ({
    bed,
    milan,
    peered: _,
  }) => {
    await tunnelUp(milan);
    const gateway = await gatewayShell(milan);
    const pods = (await milan.json('-n tombolo-system get pods -l tombolo.io/component=gateway'))['items'];
    const gatewayIp = pods.find((pod: Json) => pod['metadata'].name === gateway.pod)['status'].podIP as string;
    const nodes = await realNodes(milan);
    const name = (index: number) => `forger-${process.pid.toString(36)}-${index}`;
    await milan.apply(
      ...nodes.map((nodeName, index) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: name(index) },
        spec: {
          nodeName,
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'box',
              image: BUSYBOX,
              command: ['sleep', '3600'],
              securityContext: { capabilities: { add: ['NET_ADMIN'] } },
            },
          ],
        },
      })),
    );
    const refusedOn = async (node: string) => {
      const text = await onNode(bed, 'milan', node, 'nft list counter inet tombolo refused_overlay');
      return Number(/packets (\d+)/.exec(text)?.[1]);
    };
    try {
      for (const [index, node] of nodes.entries()) {
        await until(
          `${name(index)} runs`,
          async () => (await milan.json(`get pod ${name(index)}`))['status'].phase === 'Running',
          60_000,
        );
        const forge = (script: string) => milan.kubectl(['exec', name(index), '--', 'sh', '-c', script]);
        // A VXLAN header of the overlay's own network, and a frame.
        const packet = "printf '\\x08\\x00\\x00\\x00\\x00\\xca\\x80\\x00%060d' 0";
        const address = await internalAddress(milan, node);
        const attempts = {
          'to the gateway': `${packet} > /dev/udp/${gatewayIp}/51840`,
          'to the node': `${packet} > /dev/udp/${address}/51840`,
          'to the node, as the gateway': [
            `ip addr add ${gatewayIp}/32 dev lo`,
            `ip route add ${address} via $(ip route | awk '/^default/ { print $3 }') src ${gatewayIp}`,
            `${packet} > /dev/udp/${address}/51840`,
          ].join(' && '),
        };
        for (const [what, script] of Object.entries(attempts)) {
          const before = await refusedOn(node);
          await forge(script);
          expect(await refusedOn(node), `${what} on ${node}`).toBeGreaterThan(before);
        }
      }
    } finally {
      await milan.kubectl([
        'delete',
        'pod',
        ...nodes.map((_node, index) => name(index)),
        '--grace-period=0',
        '--force',
      ]);
    }
  });
});
