import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { formatAddress, parseAddress } from '#network/cidr';
import { type Clock, type Log, systemClock } from '#pkg/runtime';
import type { ProbeState } from './peer-probes.ts';
import { type ProbeCounts, ProberCore, type ProberEvents } from './prober.ts';
import { UdpSocket } from './udp-socket.ts';

/** UDP, the same on all gateways. Reached through the tunnel only. */
export const PROBE_PORT = 51_841;

/** RFC 791, RFC 8200, RFC 768. */
const UDP_HEADER_BYTES = 8;
const IP_HEADER_BYTES = { 4: 20, 6: 40 } as const;

export interface ProberOptions extends ProberEvents {
  /** Own address in the overlay: probes leave from it, those of others come to it. Need not be there yet. */
  readonly address: string;
  /** Default 51841. */
  readonly port?: number;
  /**
   * The largest packet that is carried behind this end: a longer probe gets no answer, so that peers find the least of the
   * way and of both ends. Default: every probe is answered.
   */
  readonly mtuBytes?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly log: Log;
}

export interface Prober {
  /**
   * Peer → address of its gateway as it is seen here. All that is wanted: others are forgotten with what was known of
   * them, and a peer whose address changes begins anew. Of the family of the own address, else it never answers.
   * @throws CidrError for what is no address; the targets stay as they were
   */
  setTargets(targets: ReadonlyMap<string, string>): void;
  /** Of all targets, as of now. */
  states(): ReadonlyMap<string, ProbeState>;
  counts(): ProbeCounts;
  /**
   * Whether an IP packet of `packetBytes` reaches `peer`, by at most three padded probes with a short answer. False for an
   * unknown peer, when the peer is forgotten meanwhile, and when another search of the same peer begins.
   *
   * Above the MTU of the route the kernel cuts the packet, and the answer means nothing. Encrypted packets that are cut
   * and joined on their way pass too, unless rules set "don't fragment" on them (`network/nat` does).
   */
  probeSize(peer: string, packetBytes: number): Promise<boolean>;
  /** Resolves when the signal has aborted and the socket is closed; never rejects. */
  readonly ended: Promise<void>;
}

/**
 * `startProber({ address, port?, mtuBytes?, clock?, log, onChange, onMissed }, signal)` → `{ setTargets, states, counts, probeSize, ended }`
 *
 * Probes each target once a second, after a loss each 250 ms until it answers or is down (five losses in a row), and
 * answers probes of others at once. Binds when the address is there, and again when the socket breaks.
 * @throws CidrError where the own address is none
 */
export function startProber(options: ProberOptions, signal: AbortSignal): Prober {
  const { port = PROBE_PORT, clock = systemClock, log, onChange, onMissed } = options;
  const address = formatAddress(parseAddress(options.address));
  const headers = UDP_HEADER_BYTES + IP_HEADER_BYTES[isIPv6(address) ? 6 : 4];
  const socket = new UdpSocket({ address, port, clock, log, onDatagram: (bytes, from) => core.receive(bytes, from) });
  const core = new ProberCore({
    clock,
    onChange,
    onMissed,
    send: (datagram, to) => socket.send(datagram, to),
    newNonce: () => randomBytes(8).readBigUInt64BE(),
    random: Math.random,
    ...(options.mtuBytes !== undefined && { largestBytes: options.mtuBytes - headers }),
  });
  return {
    setTargets: (targets) => core.setTargets(targets),
    states: () => core.states(),
    counts: () => core.counts(),
    probeSize: (peer, packetBytes) => core.probeSize(peer, packetBytes - headers),
    ended: socket.run(signal).finally(() => core[Symbol.dispose]()),
  };
}
