import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { GROUP, PORT } from './names.ts';
import { neighboursOf } from './subnet.ts';

/** An address of this host on a link. */
export interface Link {
  readonly name: string;
  readonly address: string;
  readonly netmask: string;
}

export interface Transport extends AsyncDisposable {
  /** To the group, on every link. */
  send(bytes: Buffer): void;
  /** To one host, for those who do not listen to the group (RFC 6762 section 6.7). */
  reply(bytes: Buffer, to: RemoteInfo): void;
  /** The links that it was opened for. */
  readonly links: readonly Link[];
}

/** Opens sockets on `links`; tests hand in their own. */
export type OpenTransport = (
  links: readonly Link[],
  onMessage: (bytes: Buffer, from: RemoteInfo) => void,
  onError: (error: Error) => void,
) => Promise<Transport>;

/** Links of this host, IPv4: those that are named, else the one that has `nodeAddress`. */
export function linksOf(names: readonly string[], nodeAddress: string): Link[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .filter(({ address }) => (names.length > 0 ? names.includes(name) : address === nodeAddress))
      .map(({ address, netmask }) => ({ name, address, netmask })),
  );
}

/**
 * A socket on port 5353 for each link, shared with other responders of this host that allow it.
 * @throws the error of the first socket that cannot be opened, with none left open
 */
export const openTransport: OpenTransport = async (links, onMessage, onError) => {
  const sockets: { socket: Socket; link: Link }[] = [];
  const close = async () => {
    for (const { socket } of sockets.splice(0)) {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    }
  };
  try {
    for (const link of links) sockets.push({ socket: await openSocket(link), link });
  } catch (error) {
    await close();
    throw error;
  }
  for (const { socket, link } of sockets) {
    socket.on('error', onError);
    // RFC 6762 section 11: who is not on the link is not heard. It also tells the sockets apart: with several of them the
    // kernel hands each message of the group to all.
    const isNeighbour = neighboursOf(link);
    socket.on('message', (bytes, from) => {
      if (isNeighbour(from.address)) onMessage(bytes, from);
    });
  }
  const ignore = () => {}; // a link that is down: what is sent there is lost, and the next look sees that it is gone
  return {
    links,
    send: (bytes) => sockets.forEach(({ socket }) => socket.send(bytes, PORT, GROUP, ignore)),
    reply(bytes, to) {
      const own = sockets.find(({ link }) => neighboursOf(link)(to.address));
      own?.socket.send(bytes, to.port, to.address, ignore);
    },
    [Symbol.asyncDispose]: close,
  };
};

async function openSocket({ address }: Link): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  try {
    socket.bind({ port: PORT, exclusive: true });
    await once(socket, 'listening'); // rejects with the 'error' of bind
    socket.addMembership(GROUP, address);
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(255); // RFC 6762 section 11
    socket.setMulticastLoopback(true); // other responders of this host
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}
