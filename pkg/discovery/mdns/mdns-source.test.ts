import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode } from 'dns-packet';
import { fakeClock, silentLog, systemClock } from '#pkg/runtime';
import { describe, expect, test } from 'vitest';
import { type MemoryLink, memoryLink } from '../doubles/link.ts';
import { handlers } from '../handlers.ts';
import type { DropReason } from '../metrics.ts';
import type { OwnCluster } from './announcement.ts';
import { mdnsSource } from './mdns-source.ts';
import { SERVICE } from './names.ts';

const KEY = { milan: 'aa'.repeat(32), rome: 'bb'.repeat(32), other: 'cc'.repeat(32) };
const own = (clusterName: 'milan' | 'rome', address: string): OwnCluster => ({
  clusterName,
  fingerprint: KEY[clusterName],
  labels: { site: 'south' },
  addresses: [`${address}:7443`],
});

type Clock = ReturnType<typeof fakeClock>;

/** An agent on a link; `tell` changes what its cluster says of itself. */
function agent(link: MemoryLink, clock: Clock, address: string, first?: OwnCluster) {
  let mine = first;
  const changed = handlers();
  const counted: Partial<Record<DropReason | 'heard', number>> = {};
  const count = (what: DropReason | 'heard', by: number) => (counted[what] = (counted[what] ?? 0) + by);
  const stop = new AbortController();
  const source = mdnsSource({
    nodeName: address,
    nodeAddress: address,
    interfaces: [],
    own: () => mine,
    onOwn: changed.on,
    observer: { heard: (records) => count('heard', records), dropped: (reason, by = 1) => count(reason, by) },
    clock,
    log: silentLog,
    random: () => 0.5,
    open: link.open(address),
    links: () => [{ name: 'eth0', address, netmask: '255.255.255.0' }],
  });
  const running = source.run(stop.signal);
  return {
    source,
    counted,
    seen: () => source.sightings().map(({ clusterName, addresses }) => `${clusterName} ${addresses.join()}`),
    tell(next: OwnCluster | undefined) {
      mine = next;
      changed.tell();
    },
    async end() {
      stop.abort();
      await clock.advance(0);
      await running;
    },
  };
}

/** What a responder of somebody else sends. */
function records(
  name: string,
  key: string,
  more: { address?: string; port?: number; ttl?: number; txt?: (string | Buffer)[] } = {},
) {
  const { address = '203.0.113.66', port = 7443, ttl = 120, txt = [`name=${name}`, `id=${key}`] } = more;
  const instance = `${name}.${SERVICE}`;
  const host = `${name}-host.local`;
  const answers: Answer[] = [
    { type: 'PTR', name: SERVICE, data: instance, ttl },
    { type: 'SRV', name: instance, data: { port, target: host }, ttl, flush: true },
    { type: 'TXT', name: instance, data: txt, ttl, flush: true },
    { type: 'A', name: host, data: address, ttl, flush: true },
  ];
  return encode({ type: 'response', flags: 0x400, answers });
}

const questions = (link: MemoryLink, from: string) =>
  link.sent
    .filter((entry) => entry.from === from)
    .map(({ bytes }) => decode(bytes))
    .filter(({ type, questions: asked }) => type === 'query' && asked?.[0]?.name === SERVICE).length;

describe('mDNS', () => {
  test('PEER-08 clusters on one link see each other within 3 s, and each leaves itself out', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1', own('milan', '192.0.2.1'));
    const second = agent(link, clock, '192.0.2.2', own('milan', '192.0.2.1')); // another node of milan
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(3_000);
    for (const { seen } of [milan, second]) expect(seen()).toEqual(['rome 192.0.2.9:7443']);
    expect(rome.seen()).toEqual(['milan 192.0.2.1:7443']);
    expect(milan.source.sightings()).toMatchObject([
      { fingerprint: KEY.rome, labels: { site: 'south' }, source: 'MDNS' },
    ]);
    for (const { end } of [milan, second, rome]) await end();
  });

  test('one that joins later finds who is there, and many seconds of silence send nearly nothing', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(600_000);
    expect(link.sent.length).toBeLessThan(30);
    const milan = agent(link, clock, '192.0.2.1'); // it does not know itself yet, and listens all the same
    await clock.advance(1_000);
    expect(milan.seen()).toEqual(['rome 192.0.2.9:7443']);
    for (const { end } of [milan, rome]) await end();
  });

  test('a record stays while it is answered for, is asked for at 80 % of its life, and runs out where nobody answers', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(600_000);
    expect(milan.seen()).toEqual(['rome 192.0.2.9:7443']);
    for (const { end } of [milan, rome]) await end();
    const later = agent(link, clock, '192.0.2.2');
    await clock.advance(70_000); // its own questions come at 63 s and 123 s
    link.inject(records('oslo', KEY.other, { ttl: 20 }), { address: '192.0.2.77' });
    const before = questions(link, '192.0.2.2');
    await clock.advance(15_900);
    expect(questions(link, '192.0.2.2')).toBe(before);
    await clock.advance(500); // 81 %: 80 % and a little by chance, so that not all ask at once
    expect(questions(link, '192.0.2.2')).toBe(before + 1);
    expect(later.seen().join()).toContain('oslo');
    await clock.advance(4_000);
    expect(later.seen()).toEqual([]);
    await later.end();
  });

  test('a goodbye ends a record within a second, unless another node of that cluster objects', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    const second = agent(link, clock, '192.0.2.10', own('rome', '192.0.2.9'));
    await clock.advance(5_000);
    await rome.end();
    await clock.advance(2_500);
    expect(milan.seen()).toEqual(['rome 192.0.2.9:7443']);
    await second.end();
    await clock.advance(1_500);
    expect(milan.seen()).toEqual([]);
    await milan.end();
  });

  test('an address that changes is followed, and a new name replaces the old one', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(3_000);
    rome.tell(own('rome', '192.0.2.99'));
    await clock.advance(3_000);
    expect(milan.seen()).toEqual(['rome 192.0.2.99:7443']);
    rome.tell({ ...own('rome', '192.0.2.99'), clusterName: 'roma' });
    await clock.advance(3_000);
    expect(milan.seen()).toEqual(['roma 192.0.2.99:7443']);
    for (const { end } of [milan, rome]) await end();
  });

  test('PEER-10 a spoofed record stands beside the one that it attacks, under its own key', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1', own('milan', '192.0.2.1'));
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(3_000);
    const instance = `rome-${KEY.rome.slice(0, 8)}`;
    const spoofer = { address: '192.0.2.66' };
    link.inject(records(instance, KEY.other, { txt: ['name=rome', `id=${KEY.other}`] }), spoofer);
    link.inject(records(instance, KEY.rome, { ttl: 0 }), spoofer); // and a goodbye that is not its own
    await clock.advance(3_000);
    expect(milan.source.sightings().map(({ fingerprint }) => fingerprint)).toContain(KEY.rome);
    // Our own key from somebody else is still no neighbour.
    link.inject(records('copy', KEY.milan), spoofer);
    await clock.advance(100);
    expect(milan.source.sightings().map(({ fingerprint }) => fingerprint)).not.toContain(KEY.milan);
    for (const { end } of [milan, rome]) await end();
  });

  test('says what of a record cannot be used, and hears nothing in what is no record', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    await clock.advance(100);
    const from = { address: '192.0.2.66' };
    link.inject(records('zero', '1'.repeat(64), { port: 0 }), from);
    link.inject(records('bytes', '2'.repeat(64), { txt: [Buffer.from([0x6e, 0xff, 0xfe])] }), from);
    link.inject(records('huge', '3'.repeat(64), { txt: Array.from({ length: 40 }, () => 'x'.repeat(180)) }), from);
    link.inject(records('ephemeral', '4'.repeat(64)), { ...from, port: 40_000 }); // RFC 6762 section 6
    link.inject(Buffer.from([0xc0, 12]), from);
    await clock.advance(1_000);
    expect(milan.source.sightings()).toMatchObject([
      { clusterName: 'zero', addresses: [], problem: 'zero-host.local is announced with port 0' },
    ]);
    // Three records of each of three responders, of which two cannot be read.
    expect(milan.counted).toEqual({ heard: 9, claim: 2, port: 1, malformed: 1 });
    await milan.end();
  });

  test('a target without an address is asked for, a few times a second at most, and said where nobody knows it', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    await clock.advance(100);
    const from = { address: '192.0.2.66' };
    const without = (name: string, key: string) => {
      const packet = decode(records(name, key));
      return encode({ ...packet, answers: (packet.answers ?? []).filter(({ type }) => type !== 'A') });
    };
    for (let n = 0; n < 9; n++) link.inject(without(`deaf${n}`, `${n}`.repeat(64)), from);
    await clock.advance(200);
    const asked = link.sent
      .map(({ bytes }) => decode(bytes).questions?.[0])
      .filter((question) => question?.type === 'A');
    expect(asked.map((question) => question?.name)).toContain('deaf0-host.local');
    expect(asked.length).toBe(5);
    expect(milan.source.sightings()[0]).toMatchObject({
      addresses: [],
      problem: 'deaf0-host.local has no address on this link',
    });
    link.inject(
      encode({ type: 'response', answers: [{ type: 'A', name: 'deaf0-host.local', data: '203.0.113.1', ttl: 120 }] }),
      from,
    );
    await clock.advance(100);
    expect(milan.seen()).toContain('deaf0 203.0.113.1:7443');
    await milan.end();
  });

  test('of answers of one sender that contradict each other the last one counts', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    await clock.advance(100);
    const from = { address: '192.0.2.66' };
    link.inject(records('oslo', '1'.repeat(64), { address: '203.0.113.1' }), from);
    link.inject(records('oslo', '2'.repeat(64), { address: '203.0.113.2', port: 7444 }), from);
    await clock.advance(100);
    expect(milan.source.sightings()).toMatchObject([{ fingerprint: '2'.repeat(64), addresses: ['203.0.113.2:7444'] }]);
    await milan.end();
  });

  test('another cluster that has our name on the link first makes us take another one, and both are heard', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(100);
    const instance = `rome-${KEY.rome.slice(0, 8)}`;
    link.inject(records(instance, KEY.other, { txt: ['name=rome', `id=${KEY.other}`] }), { address: '192.0.2.66' });
    await clock.advance(3_000);
    expect(
      milan.source
        .sightings()
        .map(({ fingerprint }) => fingerprint)
        .toSorted(),
    ).toEqual([KEY.rome, KEY.other]);
    const names = link.sent.flatMap(({ bytes }) => decode(bytes).answers ?? []).map(({ name }) => name);
    expect(names).toContain(`${instance}-1.${SERVICE}`);
    for (const { end } of [milan, rome]) await end();
  });

  test('answers one who asks from another port as a name server would (RFC 6762 section 6.7)', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(3_000);
    const query = encode({ type: 'query', id: 4711, questions: [{ type: 'PTR', name: SERVICE }] });
    link.inject(query, { address: '192.0.2.50', port: 40_000 });
    await clock.advance(200);
    const reply = decode(link.replies[0]?.bytes ?? Buffer.alloc(0));
    expect(reply).toMatchObject({
      id: 4711,
      questions: [{ name: SERVICE }],
      answers: [{ type: 'PTR', ttl: 10, flush: false }],
    });
    await rome.end();
  });

  test('a flood of 500 spoofed records a second is bounded, and nobody who was there is lost', async () => {
    const [link, clock] = [memoryLink(), fakeClock()];
    const milan = agent(link, clock, '192.0.2.1');
    const rome = agent(link, clock, '192.0.2.9', own('rome', '192.0.2.9'));
    await clock.advance(3_000);
    let serial = 0;
    for (let tick = 0; tick < 50; tick++) {
      for (let n = 0; n < 50; n++) {
        serial += 1;
        const key = serial.toString(16).padStart(64, '0');
        const labels = Array.from({ length: 16 }, (_, label) => `label.k${label}=${'v'.repeat(60)}`);
        link.inject(records(`c${serial}`, key, { txt: [`name=c${serial}`, `id=${key}`, ...labels] }), {
          address: `198.51.${(serial >> 8) & 255}.${serial & 255}`,
        });
      }
      await clock.advance(100);
    }
    expect(serial).toBe(2_500);
    expect(milan.source.sightings().length).toBeLessThanOrEqual(256);
    expect(milan.counted.flood).toBeGreaterThan(1_000);
    expect(milan.counted.full).toBeGreaterThan(500);
    expect(milan.seen()).toContain('rome 192.0.2.9:7443');
    await clock.advance(130_000);
    expect(milan.seen()).toEqual(['rome 192.0.2.9:7443']); // what was made up is gone when its time is over
    for (const { end } of [milan, rome]) await end();
  }, 180_000);

  test('a port 5353 that another responder keeps for itself is said, and taken when it is free', async () => {
    const blocker = createSocket({ type: 'udp4', reuseAddr: false });
    // Where somebody has it already that is the same case, but for its end.
    blocker.bind(5353);
    const isOurs = await once(blocker, 'listening').then(
      () => true,
      () => false,
    );
    const stop = new AbortController();
    const source = mdnsSource({
      nodeName: 'node-1',
      nodeAddress: '127.0.0.1',
      interfaces: [],
      own: () => undefined,
      onOwn: () => ({ [Symbol.dispose]: () => {} }),
      clock: systemClock,
      log: silentLog,
      links: () => [{ name: 'lo', address: '127.0.0.1', netmask: '255.0.0.0' }],
    });
    const running = source.run(stop.signal);
    await expect.poll(source.state, { timeout: 5_000 }).toMatchObject({
      healthy: false,
      message: expect.stringContaining('node node-1: UDP port 5353 is in use by another mDNS responder'),
    });
    if (isOurs) {
      blocker.close();
      await expect.poll(source.state, { timeout: 20_000 }).toMatchObject({ healthy: true });
    }
    stop.abort();
    await running;
    if (!isOurs) blocker.close();
  }, 30_000);

  test('a node without the interface that was named says so', async () => {
    const clock = fakeClock();
    const stop = new AbortController();
    const source = mdnsSource({
      nodeName: 'node-1',
      nodeAddress: '127.0.0.1',
      interfaces: ['nosuch0'],
      own: () => undefined,
      onOwn: () => ({ [Symbol.dispose]: () => {} }),
      clock,
      log: silentLog,
    });
    const running = source.run(stop.signal);
    await clock.advance(0);
    expect(source.state().message).toContain('none of the interfaces nosuch0');
    stop.abort();
    await running;
  });
});
