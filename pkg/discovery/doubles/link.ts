import type { RemoteInfo } from 'node:dgram';
import type { OpenTransport } from '../mdns/transport.ts';

/** A link in memory: what one host sends to the group, all others hear, a turn of the event loop later. Not exported. */
export interface MemoryLink {
  /** For a host with that address. */
  open(address: string): OpenTransport;
  /** Sends to the group as a host that speaks otherwise than our code does. */
  inject(bytes: Buffer, from: { address: string; port?: number }): void;
  /** Everything that was sent to the group so far. */
  readonly sent: { readonly bytes: Buffer; readonly from: string }[];
  /** What was sent to one host. */
  readonly replies: { readonly bytes: Buffer; readonly to: RemoteInfo }[];
  /** Breaks the sockets of a host. */
  fail(address: string, error: Error): void;
}

type Hear = (bytes: Buffer, from: RemoteInfo) => void;

export function memoryLink(): MemoryLink {
  const hosts = new Map<string, { hear: Hear; fail: (error: Error) => void }>();
  const link: MemoryLink = {
    sent: [],
    replies: [],
    open: (address) => async (links, onMessage, onError) => {
      hosts.set(address, { hear: onMessage, fail: onError });
      return {
        links,
        send(bytes) {
          link.sent.push({ bytes, from: address });
          link.inject(bytes, { address });
        },
        reply: (bytes, to) => void link.replies.push({ bytes, to }),
        async [Symbol.asyncDispose]() {
          hosts.delete(address);
        },
      };
    },
    inject(bytes, { address, port = 5353 }) {
      for (const [host, { hear }] of hosts) {
        if (host !== address) setImmediate(() => hear(bytes, { address, port, family: 'IPv4', size: bytes.length }));
      }
    },
    fail: (address, error) => hosts.get(address)?.fail(error),
  };
  return link;
}
