/** Runs in the namespace of a host: sends each line `{"from": ADDRESS, "bytes": BASE64}` of its input to the mDNS group. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const sockets = new Map<string, Promise<Socket>>();

async function open(from: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true }).bind(5353, from);
  await once(socket, 'listening');
  socket.setMulticastInterface(from);
  socket.setMulticastTTL(255);
  return socket;
}

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { from, bytes } = JSON.parse(line) as { from: string; bytes: string };
  let socket = sockets.get(from);
  if (socket === undefined) sockets.set(from, (socket = open(from)));
  (await socket).send(Buffer.from(bytes, 'base64'), 5353, '224.0.0.251');
}
