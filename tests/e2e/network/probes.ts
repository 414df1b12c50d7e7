/** Probes from one place to many, all at once: who answers, and which address the other end saw. */
import { type Json, type TestCluster } from '../bed.ts';
import type { Bed } from '../bed.ts';
import { addressIn, onNode } from './network-fixtures.ts';

/** Something that answers as `CONTAINERS` do. */
export interface Target {
  readonly name: string;
  /** Address, or a name that the client can resolve. */
  readonly host: string;
  /** Services answer no ping. */
  readonly isPod: boolean;
}

/** Where probes start: a shell that has bash and busybox. */
export interface Client {
  readonly name: string;
  run(script: string): Promise<string>;
}

export function podClient(cluster: TestCluster, namespace: string, name: string): Client {
  return {
    name,
    run: (script) =>
      cluster.kubectl(['-n', namespace, 'exec', name, '-c', 'box', '--', 'bash', '-c', script], { timeoutMs: 90_000 }),
  };
}

export function hostClient(bed: Bed, cluster: string, node: string): Client {
  return {
    name: `host ${node}`,
    run: (script) => onNode(bed, cluster, node, `exec bash -c '${script.replaceAll("'", `'\\''`)}'`),
  };
}

/** Tries of one probe, 5 s each: a machine with two cores that carries whole clusters may lose a datagram. */
const TRIES = 3;

/**
 * What a client asks. The servers of `CONTAINERS` tell by TCP and UDP the address that they see; a ping tells nothing but
 * that it was answered. What waits for an answer takes the place of its shell: busybox's `timeout` ends one process, and
 * a reader left over would hold the output open for ever.
 */
const QUESTIONS = `
tcp() { exec 3<>/dev/tcp/$1/$2; printf 'GET /clientip HTTP/1.0\\r\\n\\r\\n' >&3; exec tail -n 1 <&3; }
udp() { exec 3<>/dev/udp/$1/$2; printf clientip >&3; exec dd bs=200 count=1 <&3 2>/dev/null; }
ping() { /bin/busybox ping -c 1 -W 4 $1 >/dev/null && echo answered; }
export -f tcp udp ping
ask() { for try in $(seq ${TRIES}); do seen=$(timeout 5 bash -c "$2 $3 $4" 2>/dev/null) && [ -n "$seen" ] && break; done; echo "$1 $2: \${seen:-silence}"; }
`;

/** `client > target protocol: address that the target saw`, sorted; `answered` for a ping, `silence` where nothing came back. */
export async function probe(client: Client, targets: readonly Target[]): Promise<string[]> {
  const asks = targets.flatMap(({ host, isPod }, index) => [
    `ask ${index} tcp ${host} ${isPod ? 8080 : 80} &`,
    `ask ${index} udp ${host} ${isPod ? 8081 : 81} &`,
    ...(isPod ? [`ask ${index} ping ${host} - &`] : []),
  ]);
  const lines = (await client.run([QUESTIONS, ...asks, 'wait'].join('\n'))).split('\n').filter((line) => line !== '');
  return lines
    .map((line) => {
      const [, index = '', protocol = '', seen = ''] = /^(\d+) (\w+): (.*)$/.exec(line) ?? [];
      return `${client.name} > ${targets[Number(index)]?.name} ${protocol}: ${addressIn(seen)}`;
    })
    .toSorted();
}

/** What `probe` says where everything answers and sees `seen`. */
export function allAnswered(client: string, seen: string, targets: readonly Target[]): string[] {
  return targets
    .flatMap(({ name, isPod }) => [
      `${client} > ${name} tcp: ${seen}`,
      `${client} > ${name} udp: ${seen}`,
      ...(isPod ? [`${client} > ${name} ping: answered`] : []),
    ])
    .toSorted();
}

/** The ports of `CONTAINERS` as a Service has them for `probe`. */
export const PROBE_PORTS = [
  { name: 'tcp', port: 80, targetPort: 8080, protocol: 'TCP' },
  { name: 'udp', port: 81, targetPort: 8081, protocol: 'UDP' },
];

/** The address by which other machines reach a node. */
export async function internalAddress(cluster: TestCluster, node: string): Promise<string> {
  const { status } = await cluster.json(['get', 'node', node]);
  return status.addresses.find((entry: Json) => entry['type'] === 'InternalIP').address;
}
