/**
 * Proves that a datagram is harmless before mdns-js decodes it.
 *
 * The decoder of mdns-js 1.0.3 (dns-js 0.2.1) follows compression pointers wherever they lead: one datagram with a pointer to
 * itself keeps the process busy for ever. It also reads records by what is in them and not by their length, takes strings
 * of 192 bytes and more in a TXT record for pointers, and stops at an empty one. So whatever would make it read at other
 * places than a strict reader is dropped here, and with it every pointer that does not lead back (RFC 1035 section 4.1.4).
 */

/** RFC 6762 section 17: no message is larger, with its headers. */
const MAX_MESSAGE = 9_000;
/** A responder with dozens of services says them in several messages. */
const MAX_RECORDS = 64;
/** RFC 1035 section 2.3.4. */
const MAX_NAME = 255;
const HEADER = 12;

const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, TLSA: 52 } as const;
/** Types whose content mdns-js reads in ways of its own; nobody needs them on a link. */
const UNREADABLE: ReadonlySet<number> = new Set([TYPE.NS, TYPE.SOA, TYPE.MX, TYPE.TLSA, TYPE.OPT]);

/** @returns why mdns-js must not see it; `undefined` where it is harmless. Linear in the size, and never throws. */
export function harmOf(bytes: Buffer): string | undefined {
  if (bytes.length < HEADER) return 'it is shorter than a header';
  if (bytes.length > MAX_MESSAGE) return `it has more than ${MAX_MESSAGE} bytes`;
  const questions = bytes.readUInt16BE(4);
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  if (questions + records > MAX_RECORDS) return `it has more than ${MAX_RECORDS} questions and records`;
  let at: number | undefined = HEADER;
  for (let n = 0; n < questions && at !== undefined; n++) at = after(bytes, nameEnd(bytes, at), 4);
  for (let n = 0; n < records && at !== undefined; n++) at = recordEnd(bytes, at);
  if (at === undefined) return 'it is malformed, or has a record that cannot be read safely';
  return at === bytes.length ? undefined : 'something follows after its last record';
}

/** Where what begins at `at` ends; `undefined` where it does not fit, or `at` is none. */
function after(bytes: Buffer, at: number | undefined, length: number): number | undefined {
  return at === undefined || at + length > bytes.length ? undefined : at + length;
}

/** Position after a name; every pointer leads to before the name's own beginning, so that following them ends. */
function nameEnd(bytes: Buffer, start: number): number | undefined {
  let at = start;
  let limit = start;
  let end: number | undefined;
  for (let length = 0; ; ) {
    const head = bytes[at];
    if (head === undefined) return undefined;
    if (head === 0) return end ?? at + 1;
    if (head >= 0xc0) {
      const low = bytes[at + 1];
      const target = ((head & 0x3f) << 8) | (low ?? 0);
      // Names begin after the header, and each jump leads further back than the last one.
      if (low === undefined || target >= limit || target < HEADER) return undefined;
      end ??= at + 2;
      limit = target;
      at = target;
      continue;
    }
    if (head > 63) return undefined; // 0x40 and 0x80 are reserved
    length += head + 1;
    if (length > MAX_NAME) return undefined;
    at += head + 1;
  }
}

function recordEnd(bytes: Buffer, start: number): number | undefined {
  const name = nameEnd(bytes, start);
  const content = after(bytes, name, 10);
  if (name === undefined || content === undefined) return undefined;
  const end = after(bytes, content, bytes.readUInt16BE(name + 8));
  if (end === undefined) return undefined;
  return isSafe(bytes, bytes.readUInt16BE(name), content, end) ? end : undefined;
}

/** Whether mdns-js reads exactly the bytes from `start` to `end` for a record of that type. */
function isSafe(bytes: Buffer, type: number, start: number, end: number): boolean {
  if (type === 0 || UNREADABLE.has(type)) return false;
  if (type === TYPE.A) return end - start === 4;
  if (type === TYPE.AAAA) return end - start === 16;
  if (type === TYPE.PTR || type === TYPE.CNAME) return nameEnd(bytes, start) === end;
  if (type === TYPE.SRV) return end - start > 6 && nameEnd(bytes, start + 6) === end;
  if (type === TYPE.TXT) return isSafeTxt(bytes, start, end);
  return true; // it takes them whole
}

function isSafeTxt(bytes: Buffer, start: number, end: number): boolean {
  if (end - start === 1) return bytes[start] === 0;
  let at = start;
  while (at < end) {
    const length = bytes[at] ?? 0;
    if (length === 0 || length >= 0xc0) return false;
    at += 1 + length;
  }
  return at === end && end > start;
}
