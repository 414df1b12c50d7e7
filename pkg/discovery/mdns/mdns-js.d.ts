// mdns-js has no types. Declared is what `decode.ts` uses of it.
declare module 'mdns-js/lib/networking.js' {
  import type { EventEmitter } from 'node:events';

  /** A record or question as dns-js reads it; which fields there are depends on the type. */
  export interface RawRecord {
    readonly name: string;
    readonly type: number;
    readonly class: number;
    readonly ttl: number;
    /** Of PTR: a name. Of TXT: strings. */
    readonly data?: unknown;
    readonly address?: string;
    readonly port?: number;
    readonly target?: string;
  }

  export interface RawPacket {
    readonly header: { readonly id: number; readonly qr: number };
    readonly question: readonly RawRecord[];
    readonly answer: readonly RawRecord[];
    readonly authority: readonly RawRecord[];
    readonly additional: readonly RawRecord[];
  }

  /** As much of a dgram socket as it uses of one that it gets. */
  export type SocketLike = EventEmitter & { address(): { address: string } };

  /** Sockets and decoding of mdns-js. Emits `packets` for each message that could be decoded, before `emit` of it returns. */
  class Networking extends EventEmitter {
    bindToAddress(error: undefined, interfaceIndex: number, networkInterface: string, socket: SocketLike): void;
  }
  export default Networking;
}
