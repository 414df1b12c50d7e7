/**
 * One probe or its answer on the wire, big-endian:
 *
 * | bytes | what                                                                            |
 * | ----- | ------------------------------------------------------------------------------- |
 * | 0–3   | `tmbo`                                                                          |
 * | 4     | version: 1                                                                      |
 * | 5     | 1 request, 2 reply                                                              |
 * | 6–13  | nonce: random, so that nobody can answer what was not sent to him               |
 * | 14–21 | microseconds of the sender's own monotonic clock: for those who read a recording |
 * | 22–   | zeros, in requests only: padding for the search of the largest packet           |
 */
export interface Datagram {
  readonly type: 'request' | 'reply';
  readonly nonce: bigint;
  readonly sentAtMicros: bigint;
}

/** Length of a reply, and of a request without padding. */
export const DATAGRAM_BYTES = 22;

const MAGIC = 0x746d626f;
const VERSION = 1;
const TYPES = { request: 1, reply: 2 } as const;

/** `bytes`: length with padding; at least `DATAGRAM_BYTES`. */
export function encodeDatagram({ type, nonce, sentAtMicros }: Datagram, bytes: number = DATAGRAM_BYTES): Buffer {
  const buffer = Buffer.alloc(Math.max(DATAGRAM_BYTES, bytes));
  buffer.writeUInt32BE(MAGIC, 0);
  buffer.writeUInt8(VERSION, 4);
  buffer.writeUInt8(TYPES[type], 5);
  buffer.writeBigUInt64BE(nonce, 6);
  buffer.writeBigUInt64BE(sentAtMicros, 14);
  return buffer;
}

/** `undefined` for what is no such datagram, or one of another version. */
export function decodeDatagram(bytes: Buffer): Datagram | undefined {
  if (bytes.length < DATAGRAM_BYTES || bytes.readUInt32BE(0) !== MAGIC || bytes[4] !== VERSION) return undefined;
  const type = bytes[5] === TYPES.request ? 'request' : bytes[5] === TYPES.reply ? 'reply' : undefined;
  if (type === undefined || (type === 'reply' && bytes.length > DATAGRAM_BYTES)) return undefined;
  return { type, nonce: bytes.readBigUInt64BE(6), sentAtMicros: bytes.readBigUInt64BE(14) };
}
