import type { Gauge, Registry } from 'prom-client';
import { type PeerRefusal, peerCounter, type Traffic } from '#network/nat';
import type { ProbeState } from '#network/probe';
import type { PeerState } from '#network/wireguard';

interface PeerSnapshot {
  readonly name: string;
  readonly probe: ProbeState | undefined;
  readonly device: PeerState | undefined;
}

/** One moment of a gateway. */
export interface GatewaySnapshot {
  readonly isActive: boolean;
  readonly peers: readonly PeerSnapshot[];
  /** Refused packets by name of the counter. */
  readonly counters: ReadonlyMap<string, Traffic>;
}

export interface GatewayMetrics {
  /** Where a scrape reads from, from now on. */
  follow(source: () => Promise<GatewaySnapshot>): void;
}

const REFUSALS: readonly PeerRefusal[] = ['invalid', 'destination', 'isolated'];

/** All metrics of one scrape show the same moment. */
const MOMENT_MS = 500;

/** Value of a series of each peer; undefined: no such series now. */
const OF_PEER: readonly [name: string, help: string, value: (peer: PeerSnapshot) => number | undefined][] = [
  ['up', '1 while the gateway of the peer answers probes', ({ probe }) => (probe?.state === 'up' ? 1 : 0)],
  [
    'round_trip_seconds',
    'Smoothed round trip to the gateway of the peer',
    ({ probe }) => seconds(probe?.smoothedRoundTripMs),
  ],
  ['loss_ratio', 'Probes of the last 30 s without an answer', ({ probe }) => probe?.loss],
  [
    'handshake_age_seconds',
    'Since the last handshake',
    ({ device }) => seconds(device?.lastHandshakeAt && Math.max(0, Date.now() - device.lastHandshakeAt.getTime())),
  ],
  ['received_bytes', 'Bytes from the peer since its session began', ({ device }) => device?.receivedBytes],
  ['sent_bytes', 'Bytes to the peer since its session began', ({ device }) => device?.sentBytes],
];

/**
 * What a gateway tells a scrape, read at that moment; series of a peer go with it. Loads the metrics library only when
 * called.
 */
export async function gatewayMetrics(registry: Registry): Promise<GatewayMetrics> {
  const prom = (await import('prom-client')).default; // CommonJS: a bundle loses its named exports
  let source: (() => Promise<GatewaySnapshot>) | undefined;
  let moment: { readonly at: number; readonly snapshot: Promise<GatewaySnapshot> | undefined } | undefined;
  const now = () => {
    if (moment === undefined || performance.now() - moment.at > MOMENT_MS) {
      moment = { at: performance.now(), snapshot: source?.() };
    }
    return moment.snapshot;
  };
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    fill: (gauge: Gauge<Label>, snapshot: GatewaySnapshot) => void,
  ): void => {
    new prom.Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      async collect() {
        const snapshot = await now();
        this.reset();
        if (snapshot !== undefined) fill(this, snapshot);
      },
    });
  };
  gauge('tombolo_gateway_active', '1 on the replica that forwards', [], (self, { isActive }) =>
    self.set(isActive ? 1 : 0),
  );
  for (const [name, help, value] of OF_PEER) {
    gauge(`tombolo_tunnel_${name}`, help, ['peer'], (self, { peers }) => {
      for (const peer of peers) {
        const found = value(peer);
        if (found !== undefined) self.set({ peer: peer.name }, found);
      }
    });
  }
  gauge(
    'tombolo_gateway_refused_packets',
    'Packets that were dropped since the start; peer is empty where they are of nobody',
    ['peer', 'why'],
    (self, { peers, counters }) => {
      const rest = new Map(counters);
      for (const { name: peer, device } of peers) {
        if (device?.refusedSources !== undefined) self.set({ peer, why: 'source' }, device.refusedSources);
        for (const why of REFUSALS) {
          const counter = peerCounter(peer, why);
          const packets = rest.get(counter)?.packets;
          if (packets !== undefined) self.set({ peer, why }, packets);
          rest.delete(counter);
        }
      }
      for (const [name, { packets }] of rest) self.set({ peer: '', why: name.replace(/^refused_/, '') }, packets);
    },
  );
  return {
    follow(next) {
      source = next;
      moment = undefined;
    },
  };
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
