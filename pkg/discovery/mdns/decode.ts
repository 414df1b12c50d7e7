import { EventEmitter } from 'node:events';
import Networking, { type RawPacket, type RawRecord } from 'mdns-js/lib/networking.js';
import { harmOf } from './guard.ts';

export interface Question {
  /** Lower case, without a final dot. */
  readonly name: string;
  readonly type: number;
}

interface Common {
  /** Lower case, without a final dot. */
  readonly name: string;
  readonly ttlSeconds: number;
}

export type MdnsRecord =
  | (Common & { readonly type: 'PTR'; readonly target: string })
  | (Common & { readonly type: 'SRV'; readonly target: string; readonly port: number })
  /** What is no UTF-8 is still none. */
  | (Common & { readonly type: 'TXT'; readonly strings: readonly Uint8Array[] })
  | (Common & { readonly type: 'ADDRESS'; readonly address: string });

export interface Message {
  readonly id: number;
  readonly isResponse: boolean;
  readonly questions: readonly Question[];
  /** Of all sections, of the types that matter. */
  readonly records: readonly MdnsRecord[];
}

export const TYPE = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, ANY: 255 } as const;

/** Bytes that are no UTF-8 stand for a string in which mdns-js put replacement characters. */
const NOT_UTF8 = Buffer.from([0xff]);

/**
 * A decoder of datagrams: mdns-js behind the guard. mdns-js is given a socket of ours that only hands on what is harmless.
 * @returns a function that gives the message, or `undefined` for what is none; never throws
 */
export function messageDecoder(): (bytes: Buffer) => Message | undefined {
  const socket = Object.assign(new EventEmitter(), { address: () => ({ address: '0.0.0.0' }) });
  const networking = new Networking();
  networking.bindToAddress(undefined, 0, 'guarded', socket);
  let decoded: RawPacket | undefined;
  networking.on('packets', (packets: readonly RawPacket[]) => (decoded = packets[0]));
  return (bytes) => {
    if (harmOf(bytes) !== undefined) return undefined;
    decoded = undefined;
    socket.emit('message', bytes, {}); // 'packets' comes before this returns, or not at all
    const packet = decoded as RawPacket | undefined;
    return packet === undefined ? undefined : messageOf(packet);
  };
}

function messageOf({ header, question, answer, authority, additional }: RawPacket): Message {
  return {
    id: header.id,
    isResponse: header.qr === 1,
    questions: question.map(({ name, type }) => ({ name: name.toLowerCase(), type })),
    records: [...answer, ...authority, ...additional].flatMap(recordOf),
  };
}

function recordOf({ name, type, ttl, data, address, port, target }: RawRecord): MdnsRecord[] {
  const common = { name: name.toLowerCase(), ttlSeconds: ttl };
  if (type === TYPE.PTR && typeof data === 'string') return [{ ...common, type: 'PTR', target: data.toLowerCase() }];
  if (type === TYPE.SRV && target !== undefined && port !== undefined) {
    return [{ ...common, type: 'SRV', target: target.toLowerCase(), port }];
  }
  if (type === TYPE.TXT && Array.isArray(data)) {
    const strings = (data as string[]).map((text) => (text.includes('\ufffd') ? NOT_UTF8 : Buffer.from(text)));
    return [{ ...common, type: 'TXT', strings }];
  }
  if ((type === TYPE.A || type === TYPE.AAAA) && address !== undefined)
    return [{ ...common, type: 'ADDRESS', address }];
  return [];
}
