import { type Answer, decode as reference, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { messageDecoder } from './decode.ts';
import { harmOf } from './guard.ts';

const SERVICE = '_tombolo._tcp.local';
const decode = messageDecoder();

const header = (questions: number, answers: number) => {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(0x8400, 2);
  bytes.writeUInt16BE(questions, 4);
  bytes.writeUInt16BE(answers, 6);
  return bytes;
};
/** A record with the root as name. */
const record = (type: number, data: number[]) =>
  Buffer.from([0, 0, type, 0, 1, 0, 0, 0, 120, data.length >> 8, data.length & 0xff, ...data]);

describe('the guard of the decoder', () => {
  // mdns-js 1.0.3 follows this one for ever: the process stands still.
  test('drops a name whose pointer leads to itself', () => {
    const bytes = Buffer.concat([header(1, 0), Buffer.from([0xc0, 12, 0, 12, 0, 1])]);
    expect(harmOf(bytes)).toContain('malformed');
    expect(decode(bytes)).toBeUndefined();
  });

  test.each([
    ['two pointers in a circle', Buffer.concat([header(1, 0), Buffer.from([1, 97, 0xc0, 16, 0xc0, 12, 0, 12, 0, 1])])],
    ['a pointer forward', Buffer.concat([header(1, 0), Buffer.from([0xc0, 14, 0, 0, 12, 0, 1])])],
    ['a pointer into the header', Buffer.concat([header(1, 0), Buffer.from([0xc0, 0, 0, 12, 0, 1])])],
    ['a name beyond the end', Buffer.concat([header(1, 0), Buffer.from([63, 97])])],
    [
      'a name of more than 255 bytes',
      Buffer.concat([
        header(1, 0),
        ...Array.from({ length: 5 }, () => Buffer.concat([Buffer.from([60]), Buffer.alloc(60, 97)])),
        Buffer.from([0, 0, 12, 0, 1]),
      ]),
    ],
    [
      'a TXT string that mdns-js takes for a pointer',
      Buffer.concat([header(0, 1), record(16, [200, ...Array<number>(200).fill(97)])]),
    ],
    ['an empty string in the middle of a TXT record', Buffer.concat([header(0, 1), record(16, [1, 97, 0, 1, 98])])],
    ['a TXT string beyond its record', Buffer.concat([header(0, 1), record(16, [9, 97])])],
    ['an A record of five bytes', Buffer.concat([header(0, 1), record(1, [1, 2, 3, 4, 5])])],
    ['a pointer record longer than its name', Buffer.concat([header(0, 1), record(12, [1, 97, 0, 0])])],
    ['an SRV record without a target', Buffer.concat([header(0, 1), record(33, [0, 0, 0, 0, 0, 1])])],
    ['more records than it has', header(0, 3)],
    ['65,535 records', header(0, 65_535)],
    ['bytes after the last record', Buffer.concat([header(0, 1), record(1, [1, 2, 3, 4]), Buffer.from([0])])],
    ['more than 9,000 bytes', Buffer.alloc(9_001)],
    ['eleven bytes', Buffer.alloc(11)],
    ['nothing', Buffer.alloc(0)],
  ])('drops %s', (_, bytes) => {
    expect(harmOf(bytes)).toBeDefined();
    expect(decode(bytes)).toBeUndefined();
  });

  const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  const strings = fc.array(fc.stringMatching(/^[ -~]{1,190}$/), { minLength: 1, maxLength: 6 });
  const answer: fc.Arbitrary<Answer> = fc.oneof(
    fc.record({ type: fc.constant('PTR' as const), name, data: name, ttl: fc.nat(5_000) }),
    fc.record({ type: fc.constant('A' as const), name, data: fc.ipV4(), ttl: fc.nat(5_000) }),
    fc.record({ type: fc.constant('TXT' as const), name, data: strings, ttl: fc.nat(5_000) }),
    fc.record({
      type: fc.constant('SRV' as const),
      name,
      data: fc.record({ port: fc.nat(65_535), target: name, priority: fc.nat(9), weight: fc.nat(9) }),
      ttl: fc.nat(5_000),
    }),
  );
  const packet = fc.record({
    type: fc.constantFrom('query' as const, 'response' as const),
    id: fc.nat(65_535),
    questions: fc.array(fc.record({ type: fc.constant('PTR' as const), name }), { maxLength: 3 }),
    answers: fc.array(answer, { maxLength: 8 }),
  });

  test('lets through what is well formed, and mdns-js reads it as another library does', () => {
    fc.assert(
      fc.property(packet, (given: Packet) => {
        const bytes = encode(given);
        const mine = decode(bytes);
        const theirs = reference(bytes);
        expect(mine?.isResponse).toBe(theirs.type === 'response');
        expect(mine?.questions.map((question) => question.name)).toEqual(
          (theirs.questions ?? []).map((question) => question.name),
        );
        expect(mine?.records.map((entry) => `${entry.name} ${entry.ttlSeconds}`)).toEqual(
          (theirs.answers ?? []).map((entry) => `${entry.name} ${'ttl' in entry ? entry.ttl : ''}`),
        );
      }),
    );
  });

  test('neither hangs nor throws on bytes that were changed or made up', () => {
    const change = fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(packet, change, (given: Packet, changes) => {
        const bytes = Buffer.from(encode(given));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const mine = decode(bytes);
        if (mine !== undefined) expect(mine.records.length).toBeLessThanOrEqual(64);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decode(Buffer.concat([header(1, 2), bytes]))),
      { numRuns: 300 },
    );
  });

  test('reads compressed names as responders write them', () => {
    const name = [...SERVICE.split('.').flatMap((part) => [part.length, ...Buffer.from(part)]), 0];
    const bytes = Buffer.concat([
      header(0, 1),
      Buffer.from([...name, 0, 12, 0, 1, 0, 0, 0, 120, 0, 7, 4, ...Buffer.from('rome'), 0xc0, 12]),
    ]);
    expect(decode(bytes)?.records).toEqual([
      { type: 'PTR', name: SERVICE, target: `rome.${SERVICE}`, ttlSeconds: 120 },
    ]);
  });
});
