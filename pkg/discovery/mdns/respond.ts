import type { Answer } from 'dns-packet';
import type { Announcement } from './announcement.ts';
import { type Message, type Question, TYPE } from './decode.ts';
import { META, SERVICE, TTL_SECONDS } from './names.ts';

/** What a question gets from us. */
export interface Response {
  readonly answers: readonly Answer[];
  readonly additionals: readonly Answer[];
  /** Others may answer too: they are given the chance to be first (RFC 6762 section 6). */
  readonly isShared: boolean;
}

/** The answer to a query; `undefined` where nothing of it is ours, or where the sender knows it already. Pure. */
export function respond({ questions, records }: Message, announcement: Announcement): Response | undefined {
  const { service, text, addresses } = announcement;
  // RFC 6762 section 7.1: a known answer counts while it has half of its life.
  const known = records.some(
    (record) =>
      record.type === 'PTR' &&
      record.target === announcement.instance.toLowerCase() &&
      record.ttlSeconds >= TTL_SECONDS / 2,
  );
  const answers = new Set(questions.flatMap((question) => answersTo(question, announcement, known)));
  if (answers.size === 0) return undefined;
  const isShared = [...answers].some(({ type }) => type === 'PTR');
  const more = answers.has(service) || isShared ? [service, text, ...addresses] : [];
  return { answers: [...answers], additionals: more.filter((record) => !answers.has(record)), isShared };
}

function answersTo({ name, type }: Question, announcement: Announcement, isKnown: boolean): Answer[] {
  const { instance, host, pointers, service, text, addresses } = announcement;
  const asks = (...types: number[]) => type === TYPE.ANY || types.includes(type);
  if (name === SERVICE) return asks(TYPE.PTR) && !isKnown ? pointers.slice(0, 1) : [];
  if (name === META) return asks(TYPE.PTR) ? pointers.slice(1) : [];
  if (name === instance.toLowerCase()) return [...(asks(TYPE.SRV) ? [service] : []), ...(asks(TYPE.TXT) ? [text] : [])];
  if (name !== host.toLowerCase()) return [];
  return addresses.filter((record) => asks(record.type === 'A' ? TYPE.A : TYPE.AAAA));
}

/**
 * What a response of somebody else does to our records: `answered` says the pointer for us, so we need not (section 7.4);
 * `ending` says that they end, which we know better (section 10.1); `conflict` has our name and another key (section 9).
 */
export function heard(
  { records }: Message,
  announcement: Announcement,
): 'answered' | 'ending' | 'conflict' | undefined {
  const instance = announcement.instance.toLowerCase();
  const key = Buffer.from(`id=${announcement.fingerprint}`);
  const isOther = records.some(
    (record) =>
      record.type === 'TXT' &&
      record.name === instance &&
      record.ttlSeconds > 0 &&
      !record.strings.some((string) => key.equals(string)),
  );
  if (isOther) return 'conflict';
  const own = records.filter(
    (record) => record.name === instance || (record.type === 'PTR' && record.target === instance),
  );
  if (own.some(({ ttlSeconds }) => ttlSeconds < TTL_SECONDS / 2)) return 'ending';
  return own.some(({ type }) => type === 'PTR') ? 'answered' : undefined;
}
