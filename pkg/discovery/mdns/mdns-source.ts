import type { Clock, Log } from '#pkg/runtime';
import { handlers } from '../handlers.ts';
import { type DiscoveryObserver, unobserved } from '../metrics.ts';
import type { DiscoverySource, SourceState } from '../source.ts';
import type { OwnCluster } from './announcement.ts';
import { mdnsCache } from './cache.ts';
import { conversation, type Conversation } from './conversation.ts';
import { type Link, linksOf, openTransport, type OpenTransport } from './transport.ts';

export interface MdnsSourceOptions {
  /** For people: of the state. */
  readonly nodeName: string;
  readonly nodeAddress: string;
  /** Empty: the one with the node's address. */
  readonly interfaces: readonly string[];
  /** What this cluster tells of itself; `undefined` while it does not know yet. */
  readonly own: () => OwnCluster | undefined;
  /** Told when `own` may have changed. */
  readonly onOwn: (handler: () => void) => Disposable;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly observer?: DiscoveryObserver;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
  /** Default: sockets of this host. */
  readonly open?: OpenTransport;
  readonly links?: () => readonly Link[];
}

/** RFC 6762 section 5.2: the pause between questions doubles. Its end is a minute and not an hour: a message is 50 bytes. */
const ASK_MS = { first: 1_000, last: 60_000 };
/** Links that come, go or change their address are seen after this long at the latest. */
const LINKS_MS = 15_000;
/** Until another responder of the host gives the port free: whoever has stopped it waits for us. */
const RETRY_MS = { first: 2_000, last: 15_000 };
/** Trouble that lasts is told anew so often: each node writes to one object, and what is older than five minutes is not shown. */
const SAY_AGAIN_MS = 60_000;
/** Neighbours answer a question within 0.12 s; twice that and more for those that are busy. */
const ANSWERS_MS = 500;

/** Clusters that tell of themselves on a link, and this cluster told to the link. */
export function mdnsSource(options: MdnsSourceOptions): DiscoverySource {
  const { nodeName, nodeAddress, interfaces, own, onOwn, clock, log, observer = unobserved } = options;
  const { random = Math.random, open = openTransport, links = () => linksOf(interfaces, nodeAddress) } = options;
  const changed = handlers();
  const cache = mdnsCache({ now: () => clock.now(), wall: () => clock.wall(), random, observer });
  let state: SourceState = { healthy: true };
  let talking: Conversation | undefined;
  let wake = (): void => {};

  const setState = (next: SourceState): void => {
    if (next.message !== undefined && next.message !== state.message) log.warn({ why: next.message }, 'mDNS');
    state = next;
    changed.tell();
  };
  const sightings = () => cache.sightings().filter(({ fingerprint }) => fingerprint !== own()?.fingerprint);
  const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
    const woken = new AbortController();
    wake = () => woken.abort();
    await clock.sleep(ms, AbortSignal.any([signal, woken.signal])).catch(() => {}); // woken, or the end
    wake = () => {};
  };

  /** Talks on `found` until it changes or a socket fails. */
  const talk = async (found: readonly Link[], signal: AbortSignal): Promise<void> => {
    let failure: Error | undefined;
    const onError = (error: Error) => {
      failure ??= error;
      wake();
    };
    let hear: Conversation['onMessage'] = () => {};
    await using transport = await open(found, (bytes, from) => hear(bytes, from), onError);
    setState({ healthy: true, lookedUpAt: clock.wall() });
    using speech = conversation({
      transport,
      cache,
      clock,
      random,
      onChange: changed.tell,
      onHeard: () => wake(),
      observer,
      log,
    });
    using _own = onOwn(() => speech.announce(own()));
    hear = speech.onMessage;
    talking = speech;
    speech.announce(own());
    let askMs = ASK_MS.first;
    let nextAskMs = clock.now() + 20 + random() * 100; // RFC 6762 section 5.2
    let nextLinksMs = clock.now() + LINKS_MS;
    while (!signal.aborted && failure === undefined) {
      if (cache.expire()) changed.tell();
      const isTime = clock.now() >= nextAskMs;
      if (cache.isDue() || isTime) speech.ask();
      if (isTime) {
        nextAskMs = clock.now() + askMs;
        askMs = Math.min(ASK_MS.last, askMs * 2);
      }
      if (clock.now() >= nextLinksMs) {
        if (JSON.stringify(links()) !== JSON.stringify(found)) break;
        nextLinksMs = clock.now() + LINKS_MS;
      }
      const next = Math.min(nextAskMs, nextLinksMs, cache.nextMs() ?? Number.POSITIVE_INFINITY);
      await pause(Math.max(10, next - clock.now()), signal);
    }
    talking = undefined;
    speech.goodbye();
    if (failure !== undefined) throw failure;
  };

  return {
    name: `MDNS ${nodeName}`,
    async run(signal) {
      let retryMs = RETRY_MS.first;
      while (!signal.aborted) {
        try {
          const found = links();
          if (found.length === 0) throw new Error(noLink(interfaces, nodeAddress));
          await talk(found, signal);
          retryMs = RETRY_MS.first;
        } catch (error) {
          if (signal.aborted) return;
          const message = `node ${nodeName}: ${failureOf(error)}; tried again by itself`;
          const saidMs = state.message === message ? (state.lookedUpAt?.getTime() ?? 0) : 0;
          if (clock.wall().getTime() - saidMs >= SAY_AGAIN_MS) {
            setState({ healthy: false, lookedUpAt: clock.wall(), message });
          }
          await clock.sleep(retryMs * (0.9 + 0.2 * random()), signal).catch(() => {}); // rejects only at the end
          retryMs = Math.min(RETRY_MS.last, retryMs * 2);
          if (cache.expire()) changed.tell();
        }
      }
    },
    sightings,
    state: () => state,
    async lookNow(signal) {
      talking?.ask();
      await clock.sleep(ANSWERS_MS, signal).catch(() => {}); // the caller ended
    },
    on: changed.on,
  };
}

function noLink(interfaces: readonly string[], nodeAddress: string): string {
  return interfaces.length > 0
    ? `it has none of the interfaces ${interfaces.join(', ')} with an IPv4 address (discovery.mdns.interfaces)`
    : `no interface has its address ${nodeAddress}; name them with discovery.mdns.interfaces`;
}

function failureOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return 'UDP port 5353 is in use by another mDNS responder that does not share it; have it share the port (avahi: disallow-other-stacks=no) or stop it';
  }
  if (code === 'EACCES' || code === 'EPERM') return `UDP port 5353 may not be opened (${code})`;
  return `mDNS cannot be spoken: ${message}`;
}
