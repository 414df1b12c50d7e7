/** The inside of the gateway that forwards: what it sees on the wire, and what a hostile one could send. */
import type { Json, TestCluster } from '../bed.ts';
import { activeGateway } from './network-fixtures.ts';

export interface GatewayShell {
  readonly pod: string;
  /** Runs a shell script in its container. @throws where it fails, with stderr */
  sh(script: string): Promise<string>;
  /** Packets that it refused, as its metrics tell. */
  refused(labels: { readonly peer: string; readonly why: string }): Promise<number>;
}

export async function gatewayShell(cluster: TestCluster): Promise<GatewayShell> {
  const pod = await activeGateway(cluster);
  const where = ['-n', 'tombolo-system', 'exec', pod, '-c', 'gateway', '--'];
  return {
    pod,
    sh: (script) => cluster.kubectl([...where, 'sh', '-c', script]),
    async refused({ peer, why }) {
      const text = await cluster.kubectl(`get --raw /api/v1/namespaces/tombolo-system/pods/${pod}:8080/proxy/metrics`);
      const line = `tombolo_gateway_refused_packets{peer="${peer}",why="${why}"} `;
      const found = text.split('\n').find((one) => one.startsWith(line));
      return found === undefined ? Number.NaN : Number(found.slice(line.length));
    },
  };
}

/** Names of its network devices, sorted. */
export async function linksOf({ sh }: GatewayShell): Promise<string[]> {
  const links: Json[] = JSON.parse(await sh('ip -json link show'));
  return links.map((link) => link['ifname'] as string).toSorted();
}

/** Those of a gateway, however many peers it has: one for all tunnels (NET-20). */
export const GATEWAY_LINKS = ['eth0', 'lo', 'tombolo-vx', 'tombolo-wg'];

const TRACE = 'inet test_trace';

/** Notes source and destination of everything that enters and leaves the tunnel, as it is on the wire. */
export async function traceTunnel({
  sh,
}: GatewayShell): Promise<{ seen(way: 'in' | 'out'): Promise<string[]> } & AsyncDisposable> {
  const set = (name: string) => `set ${name} { type ipv4_addr . ipv4_addr; flags dynamic; size 4096; }`;
  const rules = `table ${TRACE} {
    ${set('in')}
    ${set('out')}
    chain arriving { type filter hook prerouting priority -400; iifname "tombolo-wg" add @in { ip saddr . ip daddr }; }
    chain leaving { type filter hook postrouting priority 400; oifname "tombolo-wg" add @out { ip saddr . ip daddr }; }
  }`;
  await sh(`nft '${rules}'`);
  return {
    seen: async (way) =>
      [...(await sh(`nft list set ${TRACE} ${way}`)).matchAll(/[\d.]+ \. [\d.]+/g)].map(([pair]) => pair),
    [Symbol.asyncDispose]: async () => void (await sh(`nft delete table ${TRACE}`)),
  };
}

/**
 * Sends datagrams through the tunnel that no gateway of ours would: from any source to any destination, whatever peer it
 * is of. As somebody could who owns the gateway of a peer.
 */
export async function hostileGateway(
  gateway: GatewayShell,
  receiver: TestCluster,
): Promise<{ send(source: string, destinations: readonly string[]): Promise<void> } & AsyncDisposable> {
  const { publicKey } = (await receiver.json('get clusternetwork cluster'))['status'];
  const key = Buffer.from(publicKey, 'base64').toString('hex');
  // All that is routed into the tunnel goes to that peer. The gateway takes that back when it looks for drift.
  const set = `set=1\\npublic_key=${key}\\nupdate_only=true\\nallowed_ip=0.0.0.0/0\\n\\n`;
  const program = (source: string, destinations: readonly string[]) => `
    const socket = require('node:net').connect('/run/wireguard/tombolo-wg.sock', () => socket.write('${set}'));
    socket.on('data', (answer) => {
      socket.destroy();
      if (!String(answer).includes('errno=0')) throw new Error(String(answer));
      const from = require('node:dgram').createSocket('udp4').bind(9, '${source}', async () => {
        for (const to of ${JSON.stringify(destinations)}) await new Promise((done) => from.send('x', 9, to, done));
        from.close();
      });
    });`;
  const sources = new Set<string>();
  return {
    async send(source, destinations) {
      if (!sources.has(source)) {
        sources.add(source);
        await gateway.sh(
          [
            // One of its own stands on the overlay device already.
            `ip -4 addr show | grep -q " ${source}/" || ip addr add ${source}/32 dev lo`,
            'ip route replace default dev tombolo-wg table 99',
            `ip rule add from ${source} table 99`,
          ].join(' && '),
        );
      }
      await gateway.sh(`node -e '${program(source, destinations).replaceAll("'", '"')}'`);
    },
    async [Symbol.asyncDispose]() {
      const lines = [...sources].map(
        (source) => `ip rule del from ${source} table 99; ip addr del ${source}/32 dev lo 2>/dev/null`,
      );
      await gateway.sh([...lines, 'ip route flush table 99'].join('; '));
    },
  };
}

/** Of its own, inside the overlay: what peers probe. */
export async function gatewayAddress(cluster: TestCluster): Promise<string> {
  const { anchorRange } = (await cluster.json('get clusternetwork cluster'))['spec'] as Json;
  return (anchorRange as string).replace(/\.0\/\d+$/, '.2');
}
