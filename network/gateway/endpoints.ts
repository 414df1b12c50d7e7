import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '#pkg/runtime';

/** An endpoint without an answer for this long is followed by the next one of the list. */
const PATIENCE_MS = 5_000;

/** Names are asked for again after this: balancers move (NET-23). */
const RESOLVE_EVERY_MS = 10_000;

/** One name server that does not answer must hold up nobody for long. */
const RESOLVE_TIMEOUT_MS = 3_000;

interface Choice {
  /** As told. */
  endpoints: readonly string[];
  index: number;
  sinceMs: number;
  /** ADDRESS:PORT; undefined until the name resolves. */
  resolved?: string | undefined;
  resolvedMs: number;
  /** The name that had no address when it was asked for last. */
  unresolved?: string | undefined;
}

/** Which endpoint of each peer is dialled: the first one that answers; names become addresses here. */
export class Endpoints {
  readonly #choices = new Map<string, Choice>();
  readonly #clock: Clock;
  readonly #resolve: (host: string, signal: AbortSignal) => Promise<string | undefined>;

  constructor(clock: Clock, resolve = resolveHost) {
    this.#clock = clock;
    this.#resolve = resolve;
  }

  /** By peer, as `192.0.2.1:51820` or `[2001:db8::1]:51820`. */
  current(): Map<string, string> {
    const entries = [...this.#choices].flatMap(([peer, { resolved }]) =>
      resolved === undefined ? [] : [[peer, resolved] as const],
    );
    return new Map(entries);
  }

  /** By peer: a name that it told, and that had no address when it was asked for last. */
  unresolved(): Map<string, string> {
    const entries = [...this.#choices].flatMap(([peer, { unresolved }]) =>
      unresolved === undefined ? [] : [[peer, unresolved] as const],
    );
    return new Map(entries);
  }

  /**
   * To be called each second or so.
   * @param peers all peers, with what they told
   * @param answers whether a peer answers at the moment: what works is not exchanged
   * @returns whether `current` has changed
   */
  async update(
    peers: ReadonlyMap<string, readonly string[]>,
    answers: (peer: string) => boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const before = JSON.stringify([...this.current()]);
    for (const peer of this.#choices.keys()) if (!peers.has(peer)) this.#choices.delete(peer);
    await Promise.all([...peers].map(([peer, endpoints]) => this.#updateOne(peer, endpoints, answers(peer), signal)));
    return JSON.stringify([...this.current()]) !== before;
  }

  async #updateOne(peer: string, told: readonly string[], answers: boolean, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const endpoints = told.filter((endpoint) => splitEndpoint(endpoint) !== undefined);
    const standing = this.#choices.get(peer);
    const isSame = standing !== undefined && standing.endpoints.join() === endpoints.join();
    const choice = isSame ? standing : { endpoints, index: 0, sinceMs: now, resolvedMs: -Infinity };
    this.#choices.set(peer, choice);
    if (answers) choice.sinceMs = now;
    if (now - choice.sinceMs > PATIENCE_MS && endpoints.length > 1) {
      choice.index = (choice.index + 1) % endpoints.length;
      choice.sinceMs = now;
      choice.resolvedMs = -Infinity;
    }
    const endpoint = splitEndpoint(endpoints[choice.index] ?? '');
    // What answers is not asked for: the peer is where it was.
    if (endpoint === undefined) choice.resolved = undefined;
    else if (!(answers && choice.resolved !== undefined) && now - choice.resolvedMs > RESOLVE_EVERY_MS) {
      choice.resolvedMs = now;
      const address = await this.#resolve(endpoint.host, signal);
      choice.unresolved = address === undefined ? endpoint.host : undefined;
      if (address !== undefined) choice.resolved = format(address, endpoint.port);
    }
  }
}

/** `host:port`, told by a peer: what is none is left out. */
export function splitEndpoint(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]{1,253})):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function format(address: string, port: number): string {
  return isIP(address) === 6
    ? `[${new URL(`http://[${address}]/`).hostname.slice(1, -1)}]:${port}`
    : `${address}:${port}`;
}

/** `undefined` where the name has no address now: asked again later. */
async function resolveHost(host: string, signal: AbortSignal): Promise<string | undefined> {
  if (isIP(host) !== 0) return host;
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(RESOLVE_TIMEOUT_MS)]);
  const late = new Promise<undefined>((done) =>
    timeout.addEventListener('abort', () => done(undefined), { once: true }),
  );
  const found = lookup(host).then(
    ({ address }) => address,
    () => undefined, // the condition of the peer says that it does not answer, and where it is dialled
  );
  return await Promise.race([found, late]);
}
