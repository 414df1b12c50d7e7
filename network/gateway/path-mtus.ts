import { type ProbeState, searchPathMtu } from '#network/probe';
import type { Clock } from '#pkg/runtime';

/** PMTU_RAISE_TIMER of RFC 8899 section 5.1.1: a path may have become wider. */
const RAISE_MS = 10 * 60_000;

/** The first look after a path became narrower: it may have been loss and nothing else. */
const SOON_MS = 60_000;

/**
 * What was found is confirmed this often: small probes pass where large packets are lost, so nothing else tells (RFC 8899,
 * section 4.3). At 1,500 bytes this is 0.3 kB/s per peer.
 */
const CONFIRM_MS = 5_000;

/** RFC 791: what every host takes. RFC 8200: what every link carries; an IPv6 route below it is refused. */
const SMALLEST_BYTES = { 4: 576, 6: 1_280 } as const;

/** What searches need of the prober. */
export interface SizeProber {
  states(): ReadonlyMap<string, Pick<ProbeState, 'state'>>;
  probeSize(peer: string, packetBytes: number): Promise<boolean>;
}

interface Path {
  /** Absent until it was found. */
  mtuBytes?: number;
  wasUp: boolean;
  searchAtMs: number;
  confirmAtMs: number;
  isBusy: boolean;
}

/** How large packets to each peer may be: searched when it begins to answer, on loss, and each ten minutes. */
export class PathMtus {
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #paths = new Map<string, Path>();

  /** @param onChange `current` has changed */
  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** By peer, in bytes; of those that were searched. */
  current(): Map<string, number> {
    const found = [...this.#paths].flatMap(([peer, { mtuBytes }]) =>
      mtuBytes === undefined ? [] : [[peer, mtuBytes] as const],
    );
    return new Map(found);
  }

  /**
   * To be called each second or so; what is due goes on in the background, one search at a time for each peer.
   * @param peers all that take part, each with what was known of its path by whoever forwarded before
   * @param largest MTU of the devices at this end, in bytes
   */
  look(
    peers: ReadonlyMap<string, number | undefined>,
    prober: SizeProber,
    { largest, version }: { readonly largest: number; readonly version: 4 | 6 },
  ): void {
    for (const peer of this.#paths.keys()) if (!peers.has(peer)) this.#paths.delete(peer);
    const now = this.#clock.now();
    const states = prober.states();
    for (const [peer, before] of peers) {
      const path = this.#paths.get(peer) ?? newPath(before, largest);
      this.#paths.set(peer, path);
      const isUp = states.get(peer)?.state === 'up';
      // Another gateway of the peer, or another way to it.
      if (isUp && !path.wasUp) path.searchAtMs = now;
      path.wasUp = isUp;
      if (!isUp || path.isBusy || (now < path.searchAtMs && now < path.confirmAtMs)) continue;
      const passes = (bytes: number) => prober.probeSize(peer, bytes);
      void this.#examine(path, { smallest: SMALLEST_BYTES[version], largest, passes });
    }
  }

  /** Never rejects: a probe that cannot be sent is a lost one. */
  async #examine(path: Path, bounds: Omit<Parameters<typeof searchPathMtu>[0], 'known'>): Promise<void> {
    path.isBusy = true;
    const { mtuBytes: known } = path;
    const isDue = known === undefined || this.#clock.now() >= path.searchAtMs;
    if (isDue || !(await bounds.passes(known))) {
      const found = await searchPathMtu({ ...bounds, ...(known !== undefined && { known }) });
      const isNarrower = found !== undefined && found < (known ?? bounds.largest);
      if (found !== undefined) path.mtuBytes = found;
      path.searchAtMs = this.#clock.now() + (isNarrower ? SOON_MS : RAISE_MS);
    }
    path.confirmAtMs = this.#clock.now() + CONFIRM_MS;
    path.isBusy = false;
    if (path.mtuBytes !== known) this.#onChange();
  }
}

function newPath(before: number | undefined, largest: number): Path {
  const known = before !== undefined && before < largest ? { mtuBytes: before } : {};
  return { ...known, wasUp: false, searchAtMs: 0, confirmAtMs: 0, isBusy: false };
}
