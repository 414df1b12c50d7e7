import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { type Answer, decode, encode, type Packet, type RecordType } from 'dns-packet';

type Record = { type: RecordType; name: string; data: unknown };

/** A DNS server that speaks bytes over real sockets, and can be made to misbehave. Not exported by the package. */
export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Its whole zone; replace it to change the answers. */
  records: Record[];
  /** `fail` answers SERVFAIL, `silent` nothing. */
  mood: 'answer' | 'fail' | 'silent';
  /** Questions so far, `TYPE name`. */
  readonly questions: string[];
}

/** Answers over UDP, truncated where it is too much, and whole over TCP on the same port. */
export async function dnsServer(records: Record[] = []): Promise<DnsServer> {
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const { port } = udp.address();
  const server: DnsServer = {
    address: `127.0.0.1:${port}`,
    records,
    mood: 'answer',
    questions: [],
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await once(tcp, 'close');
    },
  };
  const answer = (query: Packet): Packet | undefined => {
    const question = query.questions?.[0];
    if (question === undefined) return undefined;
    server.questions.push(`${question.type} ${question.name}`);
    if (server.mood === 'silent') return undefined;
    const named = server.records.filter(({ name }) => name.toLowerCase() === question.name.toLowerCase());
    const answers = named.filter(({ type }) => type === question.type).map((entry) => ({ ...entry, ttl: 1 }) as Answer);
    const rcode = server.mood === 'fail' ? 2 : named.length === 0 ? 3 : 0;
    const flags = 0x0400 | rcode;
    return {
      type: 'response',
      ...(query.id !== undefined && { id: query.id }),
      flags,
      questions: [question],
      answers: rcode === 0 ? answers : [],
    };
  };
  udp.on('message', (bytes, { port: from, address }) => {
    const packet = answer(decode(bytes));
    if (packet === undefined) return;
    const whole = encode(packet);
    const short = () => encode({ ...packet, flags: (packet.flags ?? 0) | 0x0200, answers: [] });
    udp.send(whole.length > 512 ? short() : whole, from, address);
  });
  const tcp = createServer((socket) => {
    let read = Buffer.alloc(0);
    socket.on('error', () => {}); // the client gave up
    socket.on('data', (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      if (read.length < 2 || read.length < 2 + read.readUInt16BE(0)) return;
      const packet = answer(decode(read.subarray(2)));
      read = Buffer.alloc(0);
      if (packet === undefined) return;
      const bytes = encode(packet);
      const head = Buffer.alloc(2);
      head.writeUInt16BE(bytes.length);
      socket.end(Buffer.concat([head, bytes]));
    });
  });
  tcp.listen(port, '127.0.0.1');
  await once(tcp, 'listening');
  return server;
}
