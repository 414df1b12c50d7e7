import { formatAddress, parseAddress } from '#network/cidr';
import type { Clock } from '#pkg/runtime';
import { DATAGRAM_BYTES, decodeDatagram, encodeDatagram } from './datagram.ts';
import { PeerProbes, type ProbeEffect, type ProbeState } from './peer-probes.ts';
import { SizeProbes } from './size-probes.ts';

/** The first probes of peers that come together are spread over this time. */
const START_SPREAD_MS = 1_000;

/** What was dropped and answered since the start. */
export interface ProbeCounts {
  /** Probes of others that were answered. */
  readonly answered: number;
  /** Datagrams that are no probe of our version. */
  readonly malformed: number;
  /** Answers to nothing that was asked there, or that came much too late. */
  readonly unexpected: number;
}

export interface ProberEvents {
  /** A peer answers for the first time or again; it has not answered five probes in a row. */
  readonly onChange: (peer: string, state: 'up' | 'down') => void;
  /** One more probe was lost; `count` is how many in a row. Goes on while the peer is down. */
  readonly onMissed: (peer: string, count: number) => void;
}

export interface ProberCoreOptions extends ProberEvents {
  readonly clock: Clock;
  /** Sends to the same port at `address`. What cannot be sent is a loss like any other. */
  readonly send: (datagram: Buffer, address: string) => void;
  readonly newNonce: () => bigint;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Longer requests get no answer: what is behind this end carries no more. Default: no limit. */
  readonly largestBytes?: number;
}

interface Target {
  readonly address: string;
  readonly probes: PeerProbes;
  timer: Disposable | undefined;
}

/** Probes many peers and answers their probes; sockets are the caller's. */
export class ProberCore implements Disposable {
  readonly #options: ProberCoreOptions;
  readonly #targets = new Map<string, Target>();
  readonly #sizes: SizeProbes;
  readonly #counts = { answered: 0, malformed: 0, unexpected: 0 };
  #isEnded = false;

  constructor(options: ProberCoreOptions) {
    this.#options = options;
    this.#sizes = new SizeProbes(options.clock);
  }

  setTargets(targets: ReadonlyMap<string, string>): void {
    if (this.#isEnded) return;
    const wanted = new Map([...targets].map(([peer, text]) => [peer, formatAddress(parseAddress(text))]));
    for (const [peer, { address }] of this.#targets) if (wanted.get(peer) !== address) this.#drop(peer);
    for (const [peer, address] of wanted) if (!this.#targets.has(peer)) this.#add(peer, address);
  }

  states(): ReadonlyMap<string, ProbeState> {
    const now = this.#options.clock.now();
    return new Map([...this.#targets].map(([peer, { probes }]) => [peer, probes.state(now)]));
  }

  counts(): ProbeCounts {
    return { ...this.#counts };
  }

  /** See `Prober.probeSize`. */
  probeSize(peer: string, payloadBytes: number): Promise<boolean> {
    const target = this.#targets.get(peer);
    if (target === undefined) return Promise.resolve(false);
    return this.#sizes.search(peer, target.probes.timeoutMs, () => {
      const nonce = this.#options.newNonce();
      this.#send(target.address, nonce, payloadBytes);
      return nonce;
    });
  }

  /** One datagram has come from `from`, in canonical text. */
  receive(bytes: Buffer, from: string): void {
    const datagram = decodeDatagram(bytes);
    if (datagram === undefined) {
      this.#counts.malformed += 1;
    } else if (datagram.type === 'request') {
      if (bytes.length > (this.#options.largestBytes ?? Infinity)) return;
      this.#counts.answered += 1;
      // Never longer than the request, so that a forged source gains nothing.
      this.#options.send(encodeDatagram({ ...datagram, type: 'reply' }), from);
    } else if (!this.#takeReply(datagram.nonce, from)) {
      this.#counts.unexpected += 1;
    }
  }

  /** Nothing is sent or told any more. */
  [Symbol.dispose](): void {
    this.#isEnded = true;
    for (const peer of this.#targets.keys()) this.#drop(peer);
  }

  #takeReply(nonce: bigint, from: string): boolean {
    if (this.#sizes.answer(nonce)) return true;
    const { clock } = this.#options;
    for (const [peer, target] of this.#targets) {
      const effects = target.address === from ? target.probes.answer(nonce, clock.now(), clock.wall()) : undefined;
      if (effects === undefined) continue;
      this.#act(peer, target, effects);
      return true;
    }
    return false;
  }

  #add(peer: string, address: string): void {
    const { clock, random, newNonce } = this.#options;
    const probes = new PeerProbes(clock.now() + random() * START_SPREAD_MS, newNonce);
    const target: Target = { address, probes, timer: undefined };
    this.#targets.set(peer, target);
    this.#arm(peer, target);
  }

  #drop(peer: string): void {
    this.#targets.get(peer)?.timer?.[Symbol.dispose]();
    this.#targets.delete(peer);
    this.#sizes.drop(peer);
  }

  #arm(peer: string, target: Target): void {
    const { clock } = this.#options;
    target.timer?.[Symbol.dispose]();
    target.timer = clock.timer(
      () => this.#act(peer, target, target.probes.tick(clock.now())),
      target.probes.nextAt - clock.now(),
    );
  }

  /** A listener may replace the targets: one that is gone gets no new timer, and nothing more is told of it. */
  #act(peer: string, target: Target, effects: readonly ProbeEffect[]): void {
    this.#arm(peer, target);
    for (const effect of effects) {
      if (this.#targets.get(peer) !== target) return;
      if (effect.do === 'send') this.#send(target.address, effect.nonce, DATAGRAM_BYTES);
      if (effect.do === 'missed') this.#options.onMissed(peer, effect.count);
      if (effect.do === 'change') this.#options.onChange(peer, effect.to);
    }
  }

  #send(address: string, nonce: bigint, bytes: number): void {
    const sentAtMicros = BigInt(Math.round(this.#options.clock.now() * 1_000));
    this.#options.send(encodeDatagram({ type: 'request', nonce, sentAtMicros }, bytes), address);
  }
}
