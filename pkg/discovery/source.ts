/** A cluster that a source has seen: a hint and never an identity. Nothing is dialled for it. */
export interface Sighting {
  readonly clusterName: string;
  /** The identity key that the record claims, 64 lower-case hex digits. */
  readonly fingerprint: string;
  readonly source: 'DNS' | 'MDNS';
  /** Of DNS: what was asked. */
  readonly domain?: string;
  /** `ADDRESS:PORT` or `[ADDRESS]:PORT`, best first, at most 16. Whether they may be dialled is not decided here. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** What of the record could not be used, in a sentence. */
  readonly problem?: string;
  /** When it was last heard of. */
  readonly lastSeen: Date;
}

/** How a source is. */
export interface SourceState {
  readonly healthy: boolean;
  /** What is wrong, or what there is to know, in a sentence. */
  readonly message?: string;
  readonly lookedUpAt?: Date;
}

/**
 * A way to find clusters. Bounded in memory and work whatever it hears. Knows no Kubernetes, dials nothing, and trusts
 * nothing: what it hears are claims.
 */
export interface DiscoverySource {
  /** For people: `DNS example.com`, `MDNS node-1`. */
  readonly name: string;
  /** Looks and listens until `signal` aborts; then resolves. Once per source. */
  run(signal: AbortSignal): Promise<void>;
  /** What is seen now. What vanished has aged out of it. */
  sightings(): readonly Sighting[];
  state(): SourceState;
  /** Looks at once; resolves when that look is over, well or not. At most one look a second, others join it. */
  lookNow(signal: AbortSignal): Promise<void>;
  /** Told after `sightings` or `state` may have changed. */
  on(handler: () => void): Disposable;
}

/** Most addresses of one cluster: as many as a Peer may have. */
export const MAX_ADDRESSES = 16;

/** `203.0.113.5:7443` or `[2001:db8::5]:7443`. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A sentence about a few of many things. Host names of strangers are in it: nothing may act on a terminal. */
export function someOf(sentences: readonly string[], most = 3): string | undefined {
  if (sentences.length === 0) return undefined;
  const rest = sentences.length - most;
  const text = `${sentences.slice(0, most).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 512);
}
