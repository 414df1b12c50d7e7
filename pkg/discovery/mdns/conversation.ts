import type { RemoteInfo } from 'node:dgram';
import { type Answer, encode, type Question as WireQuestion, type RecordType } from 'dns-packet';
import { type Clock, errorFields, type Log } from '#pkg/runtime';
import type { DiscoveryObserver } from '../metrics.ts';
import { type Announcement, allRecords, announcementOf, type OwnCluster } from './announcement.ts';
import type { MdnsCache } from './cache.ts';
import { type Message, messageDecoder } from './decode.ts';
import { floodGate } from './flood-gate.ts';
import { PORT, SERVICE } from './names.ts';
import { heard, respond, type Response } from './respond.ts';
import type { Transport } from './transport.ts';

export interface ConversationOptions {
  readonly transport: Pick<Transport, 'send' | 'reply'>;
  readonly cache: MdnsCache;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Sightings changed. */
  readonly onChange: () => void;
  /** The cache has something new to wait for. */
  readonly onHeard: () => void;
  readonly observer: DiscoveryObserver;
  readonly log: Log;
}

/** Talks on a link: answers for our records, asks for those of others. Bounded in what it sends, whatever it hears. */
export interface Conversation extends Disposable {
  onMessage(bytes: Buffer, from: RemoteInfo): void;
  /** Asks who is there, with what is known already. At most once a second. */
  ask(): void;
  /** What we tell of ourselves from now on; what was told before and no longer holds is taken back. */
  announce(own: OwnCluster | undefined): void;
  /** Takes everything back: the end. */
  goodbye(): void;
}

/** RFC 6762 section 6: nothing is sent to the group more often than that. */
const MIN_GAP_MS = 1_000;
/** RFC 6762 section 6: answers that others may give too wait 20 to 120 ms. */
const SHARED_DELAY_MS = { min: 20, span: 100 };
/** RFC 6762 section 8.1. */
const PROBES = 3;
const PROBE_MS = 250;
/** Names that are tried when others have ours. */
const MAX_RENAMES = 9;
/** Addresses that are asked for in one second. */
const MAX_ADDRESS_QUESTIONS = 5;
const LEGACY_TTL_SECONDS = 10;
const RESPONSE = 0x0400; // authoritative answer
/** dns-packet writes it, its types do not know it. */
const ANY = 'ANY' as RecordType;

export function conversation(options: ConversationOptions): Conversation {
  const { transport, cache, clock, random, onChange, onHeard, observer, log } = options;
  const decode = messageDecoder();
  const gate = floodGate(() => clock.now());
  const timers = new Set<Disposable>();
  let own: OwnCluster | undefined;
  let current: Announcement | undefined;
  let isProbing = false;
  let renames = 0;
  let pending: { response: Response; timer: Disposable } | undefined;
  let answeredMs = Number.NEGATIVE_INFINITY;
  let askedMs = Number.NEGATIVE_INFINITY;
  let addressQuestions = { second: 0, count: 0 };

  const later = (ms: number, work: () => void): Disposable => {
    const timer = clock.timer(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
    return timer;
  };
  const cancel = (timer: Disposable): void => {
    timers.delete(timer);
    timer[Symbol.dispose]();
  };
  const tell = (answers: readonly Answer[], additionals: readonly Answer[] = []): void => {
    answeredMs = clock.now();
    transport.send(
      encode({ type: 'response', id: 0, flags: RESPONSE, answers: [...answers], additionals: [...additionals] }),
    );
  };
  const question = (questions: WireQuestion[], answers: Answer[] = []): void =>
    transport.send(encode({ type: 'query', id: 0, questions, answers }));

  /** Probes (RFC 6762 section 8.1), then announces twice (section 8.3). */
  const begin = (): void => {
    if (own === undefined) return;
    const mine = announcementOf(own, renames === 0 ? '' : `-${renames}`);
    current = mine;
    if (mine === undefined) return;
    isProbing = true;
    for (let n = 0; n < PROBES; n++) {
      later(n * PROBE_MS, () => {
        if (current === mine) question([{ type: ANY, name: mine.instance, class: 'IN' }]);
      });
    }
    later(PROBES * PROBE_MS, () => {
      if (current !== mine) return;
      isProbing = false;
      tell(allRecords(mine));
      later(MIN_GAP_MS, () => current === mine && tell(allRecords(mine)));
    });
  };
  const respondLater = (response: Response): void => {
    // One answer waits at a time; everything that is asked meanwhile hears it too.
    const merged = pending === undefined ? response : merge(pending.response, response);
    if (pending !== undefined) cancel(pending.timer);
    const delay = merged.isShared ? SHARED_DELAY_MS.min + random() * SHARED_DELAY_MS.span : 0;
    const waitMs = Math.max(delay, answeredMs + MIN_GAP_MS - clock.now());
    const timer = later(waitMs, () => {
      pending = undefined;
      tell(merged.answers, merged.additionals);
    });
    pending = { response: merged, timer };
  };
  const onQuery = (message: Message, from: RemoteInfo): void => {
    if (current === undefined || isProbing) return;
    const response = respond(message, current);
    if (response === undefined) return;
    if (from.port === PORT) respondLater(response);
    else transport.reply(legacy(message, response), from);
  };
  const onResponse = (message: Message, from: RemoteInfo): void => {
    if (from.port !== PORT) return observer.dropped('port'); // RFC 6762 section 6
    const word = current === undefined ? undefined : heard(message, current);
    if (word === 'conflict' && isProbing) rename();
    if (word === 'ending' && !isProbing && current !== undefined) respondLater(whole(current));
    if (word === 'answered' && pending?.response.isShared === true) {
      cancel(pending.timer);
      pending = undefined;
    }
    const { changed, unresolved } = cache.take(message, from.address);
    for (const host of unresolved) askForAddress(host);
    if (changed) onChange();
    onHeard();
  };
  const rename = (): void => {
    if (renames >= MAX_RENAMES) return; // somebody takes every name: ours stays, both are heard, keys tell them apart
    renames += 1;
    log.warn({ instance: current?.instance }, 'another cluster on the link has this name: another one is tried');
    begin();
  };
  const askForAddress = (host: string): void => {
    const second = Math.floor(clock.now() / 1000);
    if (second !== addressQuestions.second) addressQuestions = { second, count: 0 };
    if (addressQuestions.count++ >= MAX_ADDRESS_QUESTIONS || !host.endsWith('.local')) return;
    question([
      { type: 'A', name: host, class: 'IN' },
      { type: 'AAAA', name: host, class: 'IN' },
    ]);
  };

  return {
    onMessage(bytes, from) {
      if (!gate.isOpen(from.address)) return observer.dropped('flood');
      const message = decode(bytes);
      if (message === undefined) return observer.dropped('malformed');
      try {
        if (message.isResponse) onResponse(message, from);
        else onQuery(message, from);
      } catch (error) {
        // A mistake of ours in what a stranger sends must not end the process that carries the node's tunnel.
        log.error({ ...errorFields(error), from: from.address }, 'an mDNS message could not be handled');
      }
    },
    ask() {
      if (clock.now() - askedMs < MIN_GAP_MS) return;
      askedMs = clock.now();
      const known = cache.known().slice(0, 16);
      question(
        [{ type: 'PTR', name: SERVICE, class: 'IN' }],
        known.map(({ instance, ttlSeconds }) => ({
          type: 'PTR',
          name: SERVICE,
          data: instance,
          ttl: ttlSeconds,
          class: 'IN',
        })),
      );
    },
    announce(next) {
      if (JSON.stringify(next) === JSON.stringify(own)) return;
      const before = current;
      own = next;
      // Data of a unique record is replaced by the flush bit; only a name that goes has to be taken back.
      const after = next === undefined ? undefined : announcementOf(next);
      if (before !== undefined && before.instance !== after?.instance) tell(allRecords(before, 0));
      if (before?.instance === undefined || before.instance !== after?.instance) renames = 0;
      current = undefined;
      begin();
    },
    goodbye() {
      if (current !== undefined && !isProbing) tell(allRecords(current, 0));
      current = undefined;
    },
    [Symbol.dispose]() {
      for (const timer of timers) timer[Symbol.dispose]();
      timers.clear();
    },
  };
}

function whole(announcement: Announcement): Response {
  return { answers: allRecords(announcement), additionals: [], isShared: true };
}

function merge(a: Response, b: Response): Response {
  const answers = new Set([...a.answers, ...b.answers]);
  const additionals = new Set([...a.additionals, ...b.additionals]);
  return {
    answers: [...answers],
    additionals: [...additionals].filter((record) => !answers.has(record)),
    isShared: a.isShared || b.isShared,
  };
}

/** RFC 6762 section 6.7: as a name server would answer. */
function legacy({ id, questions }: Message, { answers, additionals }: Response): Buffer {
  const plain = (record: Answer): Answer => ({ ...record, ttl: LEGACY_TTL_SECONDS, flush: false }) as Answer;
  const TYPES: Readonly<Record<number, 'A' | 'PTR' | 'TXT' | 'AAAA' | 'SRV'>> = {
    1: 'A',
    12: 'PTR',
    16: 'TXT',
    28: 'AAAA',
    33: 'SRV',
  };
  return encode({
    type: 'response',
    id,
    flags: RESPONSE,
    questions: questions.slice(0, 1).map(({ name, type }) => ({ name, type: TYPES[type] ?? ANY, class: 'IN' })),
    answers: answers.map(plain),
    additionals: additionals.map(plain),
  });
}
