import type { Measurement, Protocol, Target } from '#network/reach';

/** Who sends: a pod each. */
export const CLIENTS = ['pod here', 'host here', 'pod there', 'host there'] as const;
export type Client = (typeof CLIENTS)[number];

/** Who answers. Two pods, and a Service before each. Hosts only send: nothing of theirs is open to a peer. */
export type Server = 'pod here' | 'pod there' | 'Service here' | 'Service there';

export type Side = 'here' | 'there';

/** The cluster of a sender or receiver. */
export function sideOf(end: string): Side {
  return end.endsWith(' there') ? 'there' : 'here';
}

export function otherSide(side: Side): Side {
  return side === 'here' ? 'there' : 'here';
}

/** One line of the matrix. */
export interface Line extends Measurement {
  readonly from: Client;
}

/** Names of the server pods, and of their Services. */
export const SERVER_NAME = { here: 'here', there: 'there' } as const;

/** Name of the pod of a client. */
export function clientPod(client: Client): string {
  return `from-${client.replace(' ', '-')}`;
}

/** Addresses of the server pods, each as the other cluster knows it. */
export interface ServerAddresses {
  readonly here: string;
  readonly there: string;
}

const POD_PROTOCOLS: Protocol[] = ['TCP', 'UDP', 'ping'];
/** A cluster address answers no ping: kube-proxy knows its ports alone. */
const SERVICE_PROTOCOLS: Protocol[] = ['TCP', 'UDP'];

/** What a client tries: the pod of the other cluster, and the Service of that pod by its name. Pure. */
export function targetsOf(client: Client, addresses: ServerAddresses): Target[] {
  const side = otherSide(sideOf(client));
  return [
    { to: `pod ${side}` satisfies Server, host: addresses[side], protocols: POD_PROTOCOLS },
    { to: `Service ${side}` satisfies Server, host: SERVER_NAME[side], protocols: SERVICE_PROTOCOLS },
  ];
}

/** The one line of a client from which nothing came. Pure. */
export function lineWithout(client: Client, result: 'failed' | 'skipped', why: string): Line {
  const to = `pod ${otherSide(sideOf(client))}` satisfies Server;
  return { from: client, to, protocol: 'TCP', bytes: 0, result, why };
}
