import type { Clock, Log } from '#pkg/runtime';
import { handlers } from '../handlers.ts';
import { type DiscoveryObserver, unobserved } from '../metrics.ts';
import type { DiscoverySource, Sighting, SourceState } from '../source.ts';
import { lookUpDomain } from './look-up.ts';
import type { DnsResolver } from './resolver.ts';

export interface DnsSourceOptions {
  /** Asked as `_tombolo._tcp.<domain>`. */
  readonly domain: string;
  /** Own to this source: `cancel` ends all of its questions. */
  readonly resolver: DnsResolver;
  /** Fingerprint of this cluster. */
  readonly seed: string;
  /** From one look to the next, give or take a tenth. */
  readonly periodMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Default: nobody counts. */
  readonly observer?: DiscoveryObserver;
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
}

/** A record that so many answers in a row did not have is gone; one missing answer may be a zone that is being reloaded. */
const MISSES = 3;
/** While nobody answers, what was seen is kept this many periods. */
const KEEP_PERIODS = 20;
/** Shortest time from look to look, whoever asks for it. */
const MIN_GAP_MS = 1_000;
/** A look has some questions one after the other, each of up to 3 s. */
const LOOK_MS = 8_000;

interface Seen {
  readonly sighting: Sighting;
  readonly atMs: number;
  /** Answers since then that did not have it. */
  missed: number;
}

/** Clusters of one domain by SRV records, polled. */
export function dnsSource(options: DnsSourceOptions): DiscoverySource {
  const { domain, resolver, seed, periodMs, clock, log } = options;
  const { observer = unobserved, random = Math.random } = options;
  const name = `DNS ${domain}`;
  const changed = handlers();
  const seen = new Map<string, Seen>();
  let state: SourceState = { healthy: true };
  let look: Promise<void> | undefined;
  let endedMs = Number.NEGATIVE_INFINITY;

  const take = (found: readonly Omit<Sighting, 'lastSeen'>[]): void => {
    for (const entry of seen.values()) entry.missed += 1;
    for (const hint of found) {
      const sighting = { ...hint, lastSeen: clock.wall() };
      seen.set(`${hint.clusterName} ${hint.fingerprint}`, { sighting, atMs: clock.now(), missed: 0 });
    }
    for (const [key, entry] of seen) if (entry.missed >= MISSES) seen.delete(key);
  };
  const forgetOld = (): void => {
    for (const [key, { atMs }] of seen) if (clock.now() - atMs > KEEP_PERIODS * periodMs) seen.delete(key);
  };
  const lookOnce = async (signal: AbortSignal): Promise<void> => {
    using _late = clock.timer(() => resolver.cancel(), LOOK_MS);
    const onAbort = () => resolver.cancel();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await clock.sleep(Math.max(0, endedMs + MIN_GAP_MS - clock.now()), signal);
      const { found, message } = await lookUpDomain(domain, resolver, seed, observer);
      take(found);
      if (message !== undefined && message !== state.message) log.warn({ domain, why: message }, 'discovery over DNS');
      state = { healthy: true, lookedUpAt: clock.wall(), ...(message !== undefined && { message }) };
    } catch (error) {
      if (signal.aborted) return;
      forgetOld();
      const message = failure(domain, error);
      if (message !== state.message) log.warn({ domain, why: message }, 'discovery over DNS');
      state = { healthy: false, lookedUpAt: clock.wall(), message };
    } finally {
      signal.removeEventListener('abort', onAbort);
      endedMs = clock.now();
    }
    changed.tell();
  };
  // Whoever asks while a look is under way gets that one; it belongs to the source and not to who asked first.
  let running: AbortSignal | undefined;
  const lookShared = (): Promise<void> => {
    if (running === undefined) return Promise.resolve();
    look ??= lookOnce(running).finally(() => {
      look = undefined;
    });
    return look;
  };

  return {
    name,
    async run(signal) {
      running = signal;
      while (!signal.aborted) {
        await lookShared();
        const waitMs = periodMs * (0.9 + 0.2 * random());
        await clock.sleep(waitMs, signal).catch(() => {}); // rejects only at the end
      }
    },
    sightings: () => [...seen.values()].map(({ sighting }) => sighting),
    state: () => state,
    async lookNow(signal) {
      const ended = Promise.withResolvers<void>();
      const end = () => ended.resolve();
      signal.addEventListener('abort', end, { once: true });
      await Promise.race([lookShared(), ended.promise]).finally(() => signal.removeEventListener('abort', end));
    },
    on: changed.on,
  };
}

/** What each error of c-ares means for who runs this. */
const WHY: Readonly<Record<string, string>> = {
  ETIMEOUT: 'the resolver does not answer',
  ECONNREFUSED: 'nothing listens at the resolver, or it cannot be reached',
  ECANCELLED: `no answer within ${LOOK_MS / 1000} s`,
  ESERVFAIL: 'the resolver answers SERVFAIL: it cannot reach the zone',
  EREFUSED: 'the resolver refuses to answer for that domain',
  EBADRESP: 'the resolver gave an answer that cannot be read',
};

function failure(domain: string, error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const why = WHY[code] ?? `the lookup failed (${code === '' ? String(error) : code})`;
  return `cannot look up _tombolo._tcp.${domain}: ${why}; see the chart value discovery.dns.resolver`;
}
