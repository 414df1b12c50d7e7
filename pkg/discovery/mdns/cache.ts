import { type Claim, readClaim } from '../claim.ts';
import { hostPort, MAX_ADDRESSES, type Sighting, someOf } from '../source.ts';
import type { DiscoveryObserver } from '../metrics.ts';
import type { MdnsRecord, Message } from './decode.ts';
import { SERVICE, TTL_SECONDS } from './names.ts';

export interface MdnsCache {
  /** @returns whether sightings changed, and names of hosts whose address is to be asked for */
  take(message: Message, from: string): { readonly changed: boolean; readonly unresolved: readonly string[] };
  /** Drops what has run out. @returns whether sightings changed */
  expire(): boolean;
  /** When something runs out or is to be asked for again; `undefined` while there is nothing. Monotonic milliseconds. */
  nextMs(): number | undefined;
  /** Whether something has reached 80, 85, 90 or 95 % of its life since the last call (RFC 6762 section 5.2). */
  isDue(): boolean;
  sightings(): Sighting[];
  /** Instances of the service that are fresh, with the seconds they have left: known answers of a question. */
  known(): { readonly instance: string; readonly ttlSeconds: number }[];
  readonly size: number;
}

export interface CacheOptions {
  readonly now: () => number;
  readonly wall: () => Date;
  /** In [0, 1). */
  readonly random: () => number;
  readonly observer: DiscoveryObserver;
}

/**
 * Entries in all, and of one sender: an entry has at most some 3 KiB (its claim and eight addresses), so a flood of spoofed
 * senders can fill 0.75 MiB. Who is in stays in: newcomers are turned away while it is full.
 */
const MAX_ENTRIES = 256;
const MAX_PER_SENDER = 16;
const MAX_ADDRESSES_PER_ENTRY = 8;
/** An instance of which only the name is known is worth no more than that. */
const INCOMPLETE_MS = 5_000;
/** RFC 6762 section 10.1: a goodbye leaves time for others to object. */
const GOODBYE_MS = 1_000;
const ASK_AT = [0.8, 0.85, 0.9, 0.95] as const;
/** RFC 6762 section 5.2: so that many listeners do not ask at the same moment. */
const ASK_JITTER = 0.02;

/**
 * What one sender says of one instance. Keyed by both: what a spoofer says stands beside what it attacks and never replaces
 * it, and the goodbye of one agent of a cluster does not end what another one says.
 */
interface Entry {
  readonly instance: string;
  readonly sender: string;
  target?: string;
  port?: number;
  claim?: Claim;
  addresses: string[];
  seenMs: number;
  seenAt: Date;
  expiresMs: number;
  /** Of the life that began at `seenMs`: which of `ASK_AT` have passed. */
  asked: number;
  jitter: number;
}

/** Instances of our service on a link, as RFC 6762 section 10 wants them kept. Bounded; pure but for clock and die. */
export function mdnsCache({ now, wall, random, observer }: CacheOptions): MdnsCache {
  const entries = new Map<string, Entry>();
  const senders = new Map<string, number>();

  const remove = (key: string, entry: Entry): void => {
    entries.delete(key);
    const left = (senders.get(entry.sender) ?? 1) - 1;
    if (left > 0) senders.set(entry.sender, left);
    else senders.delete(entry.sender);
  };
  const entryOf = (instance: string, sender: string): Entry | undefined => {
    const key = `${sender} ${instance}`;
    const standing = entries.get(key);
    if (standing !== undefined) return standing;
    const count = senders.get(sender) ?? 0;
    if (entries.size >= MAX_ENTRIES || count >= MAX_PER_SENDER) return undefined;
    senders.set(sender, count + 1);
    const times = { seenMs: now(), seenAt: wall(), expiresMs: now() + INCOMPLETE_MS, asked: 0, jitter: 0 };
    const entry: Entry = { instance, sender, addresses: [], ...times };
    entries.set(key, entry);
    return entry;
  };
  const isWhole = ({ claim, target }: Entry): boolean => claim !== undefined && target !== undefined;
  const askMs = ({ seenMs, expiresMs, asked, jitter }: Entry): number => {
    const share = ASK_AT[asked];
    return share === undefined ? Number.POSITIVE_INFINITY : seenMs + (share + jitter) * (expiresMs - seenMs);
  };

  return {
    take(message, sender) {
      let changed = false;
      const unresolved: string[] = [];
      const instances = new Set(message.records.flatMap(instanceOf));
      for (const entry of entries.values()) {
        // An answer to a question for the address of a host carries nothing else.
        if (entry.sender === sender && entry.target !== undefined) instances.add(entry.instance);
      }
      for (const instance of instances) {
        const own = message.records.filter((record) => concerns(record, instance));
        observer.heard(own.length);
        const standing = entries.get(`${sender} ${instance}`);
        const ttl = own.length === 0 ? undefined : Math.min(TTL_SECONDS, ...own.map(({ ttlSeconds }) => ttlSeconds));
        if (ttl === 0) {
          if (standing !== undefined) standing.expiresMs = Math.min(standing.expiresMs, now() + GOODBYE_MS);
          continue;
        }
        const entry = entryOf(instance, sender);
        if (entry === undefined) {
          observer.dropped('full', own.length);
          continue;
        }
        const before = isWhole(entry) ? print(entry) : '';
        for (const record of own) if (!learn(entry, record)) observer.dropped('claim');
        const found = message.records.flatMap((record) =>
          record.type === 'ADDRESS' &&
          record.name === entry.target &&
          record.ttlSeconds > 0 &&
          !isScoped(record.address)
            ? record.address
            : [],
        );
        if (found.length > 0) entry.addresses = [...new Set(found)].toSorted(v4First).slice(0, MAX_ADDRESSES_PER_ENTRY);
        if (isWhole(entry) && ttl !== undefined) {
          const life = { seenMs: now(), seenAt: wall(), expiresMs: now() + ttl * 1000, asked: 0 };
          Object.assign(entry, life, { jitter: random() * ASK_JITTER });
        }
        if (entry.target !== undefined && entry.addresses.length === 0) unresolved.push(entry.target);
        changed ||= isWhole(entry) && before !== print(entry);
      }
      return { changed, unresolved };
    },
    expire() {
      let changed = false;
      for (const [key, entry] of entries) {
        if (entry.expiresMs > now()) continue;
        changed ||= isWhole(entry);
        remove(key, entry);
      }
      return changed;
    },
    nextMs() {
      const times = [...entries.values()].flatMap((entry) => [
        entry.expiresMs,
        ...(isWhole(entry) ? [askMs(entry)] : []),
      ]);
      return times.length === 0 ? undefined : Math.min(...times);
    },
    isDue() {
      let due = false;
      for (const entry of entries.values()) {
        while (isWhole(entry) && askMs(entry) <= now()) {
          entry.asked += 1;
          due = true;
        }
      }
      return due;
    },
    sightings: () => joined([...entries.values()].filter(isWhole)),
    known: () =>
      [...entries.values()]
        .filter((entry) => isWhole(entry) && entry.asked === 0)
        .map(({ instance, expiresMs }) => ({ instance, ttlSeconds: Math.floor((expiresMs - now()) / 1000) })),
    get size() {
      return entries.size;
    },
  };
}

/** The instance of our service that a record speaks of. */
function instanceOf(record: MdnsRecord): string[] {
  const name = record.type === 'PTR' && record.name === SERVICE ? record.target : record.name;
  return record.type !== 'ADDRESS' && name.endsWith(`.${SERVICE}`) ? [name] : [];
}

function concerns(record: MdnsRecord, instance: string): boolean {
  return instanceOf(record)[0] === instance;
}

/** Link-local IPv6 (RFC 4291 section 2.5.6) means nothing without the name of an interface; responders add it to all that they say. */
function isScoped(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}

function v4First(a: string, b: string): number {
  return Number(a.includes(':')) - Number(b.includes(':'));
}

/** @returns false where the record says nothing that can be used */
function learn(entry: Entry, record: MdnsRecord): boolean {
  if (record.type === 'SRV') {
    if (entry.target !== record.target) entry.addresses = [];
    entry.target = record.target;
    entry.port = record.port;
  } else if (record.type === 'TXT') {
    const claim = readClaim(record.strings);
    if ('why' in claim) {
      delete entry.claim;
      return false;
    }
    entry.claim = claim;
  }
  return true;
}

function print({ claim, target, port, addresses }: Entry): string {
  return JSON.stringify([claim, target, port, addresses]);
}

/** One sighting per name and key, with the addresses of everybody who says so: what was heard first comes first. */
function joined(entries: readonly Entry[]): Sighting[] {
  const groups = Map.groupBy(entries, ({ claim }) => `${claim?.clusterName} ${claim?.fingerprint}`);
  return [...groups.values()].flatMap((group) => {
    const claim = group[0]?.claim;
    if (claim === undefined) return [];
    const addresses = group.flatMap((entry) =>
      entry.port === undefined || entry.port === 0
        ? []
        : entry.addresses.map((address) => hostPort(address, entry.port ?? 0)),
    );
    const problem = someOf([...new Set(group.flatMap(problemOf))]);
    return [
      {
        clusterName: claim.clusterName,
        fingerprint: claim.fingerprint,
        source: 'MDNS' as const,
        addresses: [...new Set(addresses)].slice(0, MAX_ADDRESSES),
        labels: claim.labels,
        ...(problem !== undefined && { problem }),
        lastSeen: new Date(Math.max(...group.map(({ seenAt }) => seenAt.getTime()))),
      },
    ];
  });
}

function problemOf({ target, port, addresses }: Entry): string[] {
  if (port === 0) return [`${target} is announced with port 0`];
  return addresses.length === 0 ? [`${target} has no address on this link`] : [];
}
