import { fakeClock, silentLog, systemClock } from '#pkg/runtime';
import { describe, expect, test } from 'vitest';
import { type DnsServer, dnsServer } from '../doubles/dns-server.ts';
import { dnsSource } from './dns-source.ts';
import { lookUpDomain } from './look-up.ts';
import { inOrder } from './order.ts';
import { dnsResolver } from './resolver.ts';

const KEY = '1a2b3c4d'.repeat(8);
const OTHER = 'deadbeef'.repeat(8);
const NAME = '_tombolo._tcp.example.com';
const srv = (target: string, port = 7443, priority = 10, weight = 10) => ({
  type: 'SRV' as const,
  name: NAME,
  data: { target, port, priority, weight },
});
const txt = (...data: (string | Buffer)[]) => ({ type: 'TXT' as const, name: NAME, data });
const a = (name: string, data: string) => ({ type: 'A' as const, name, data });
const aaaa = (name: string, data: string) => ({ type: 'AAAA' as const, name, data });
const look = (server: DnsServer) => lookUpDomain('example.com', dnsResolver(server.address), 'seed');

describe('a lookup', () => {
  test('gives identity, labels and addresses by priority, IPv4 before IPv6', async () => {
    await using server = await dnsServer([
      srv('b.example.com', 7444, 20),
      srv('a.example.com', 7443, 10),
      txt('name=rome', `id=${KEY}`, 'label.site=south'),
      a('a.example.com', '203.0.113.5'),
      aaaa('a.example.com', '2001:db8::5'),
      a('b.example.com', '203.0.113.6'),
    ]);
    expect(await look(server)).toEqual({
      found: [
        {
          clusterName: 'rome',
          fingerprint: KEY,
          source: 'DNS',
          domain: 'example.com',
          addresses: ['203.0.113.5:7443', '[2001:db8::5]:7443', '203.0.113.6:7444'],
          labels: { site: 'south' },
        },
      ],
    });
  });

  test('tells several clusters of one domain apart by host=', async () => {
    await using server = await dnsServer([
      srv('a.example.com'),
      srv('b.example.com'),
      txt('name=rome', `id=${KEY}`, 'host=A.example.com.'),
      txt('name=oslo', `id=${OTHER}`, 'host=b.example.com'),
      txt('name=bonn', `id=${OTHER}`),
      a('a.example.com', '203.0.113.5'),
      a('b.example.com', '203.0.113.6'),
    ]);
    const { found } = await look(server);
    const byName = Object.fromEntries(
      found.map(({ clusterName, addresses, problem }) => [clusterName, [addresses, problem]]),
    );
    expect(byName).toEqual({
      rome: [['203.0.113.5:7443'], undefined],
      oslo: [['203.0.113.6:7443'], undefined],
      bonn: [[], 'several TXT records, and this one names no host='],
    });
  });

  test('says which target does not resolve and which has port 0, and keeps the others', async () => {
    await using server = await dnsServer([
      srv('gone.example.com'),
      srv('zero.example.com', 0),
      srv('a.example.com'),
      txt('name=rome', `id=${KEY}`),
      a('a.example.com', '203.0.113.5'),
      a('zero.example.com', '203.0.113.6'),
    ]);
    const { found } = await look(server);
    expect(found[0]?.addresses).toEqual(['203.0.113.5:7443']);
    expect(found[0]?.problem).toContain('gone.example.com has no address');
    expect(found[0]?.problem).toContain('zero.example.com is announced with port 0');
  });

  test('leaves out what cannot be read and says why: huge TXT, bytes that are no UTF-8, no identity', async () => {
    const huge = Array.from({ length: 100 }, () => Buffer.alloc(255, 0x61));
    await using server = await dnsServer([
      srv('a.example.com'),
      txt('name=rome', `id=${KEY}`),
      txt('name=oslo', `id=${OTHER}`, Buffer.from([0x78, 0xff, 0xfe])),
      txt(...huge),
      txt('v=spf1 -all'),
      a('a.example.com', '203.0.113.5'),
    ]);
    const { found, message } = await look(server);
    expect(found.map(({ clusterName }) => clusterName)).toEqual(['rome']);
    expect(message).toContain('is not UTF-8');
    expect(message).toContain('has 25500 bytes');
    expect(message).toContain('has no name=');
  });

  test('is bounded where a zone has hundreds of records', async () => {
    const many = Array.from({ length: 300 }, (_, i) => i);
    await using server = await dnsServer([
      ...many.map((i) => srv(`h${i}.example.com`)),
      ...many.map((i) => txt(`name=c${i}`, `id=${i.toString(16).padStart(64, '0')}`)),
      ...many.map((i) => a(`h${i}.example.com`, `203.0.113.${i % 200}`)),
    ]);
    const { found, message } = await look(server);
    expect(found).toHaveLength(32);
    expect(message).toContain('300 TXT records, of which 32 are read');
    // SRV, TXT, and both families of 32 targets; answers over TCP are asked twice.
    expect(server.questions.length).toBeLessThan(80);
  });

  test('of a name without records is empty and says so', async () => {
    await using server = await dnsServer();
    expect(await look(server)).toEqual({ found: [], message: `${NAME} has no SRV record` });
    server.records = [srv('.'), txt('name=rome', `id=${KEY}`)];
    expect((await look(server)).found).toEqual([]); // RFC 2782: the service is decidedly not there
    server.records = [srv('a.example.com')];
    expect((await look(server)).message).toContain('no TXT record');
  });
});

describe('a source', () => {
  const options = (server: DnsServer) => ({
    domain: 'example.com',
    resolver: dnsResolver(server.address),
    seed: 'seed',
    periodMs: 30_000,
    log: silentLog,
  });
  const zone = [srv('a.example.com'), txt('name=rome', `id=${KEY}`), a('a.example.com', '203.0.113.5')];

  test('PEER-08 says in a sentence, within 5 s, that the resolver fails, cannot be reached or is silent', async () => {
    await using server = await dnsServer(zone);
    const stop = new AbortController();
    const source = dnsSource({ ...options(server), clock: systemClock });
    const running = source.run(stop.signal);
    await source.lookNow(stop.signal);
    expect(source.state()).toMatchObject({ healthy: true });
    server.mood = 'fail';
    await source.lookNow(stop.signal);
    expect(source.state().message).toContain('SERVFAIL');
    expect(source.sightings()).toHaveLength(1); // nobody said that it is gone
    server.mood = 'silent';
    const began = performance.now();
    await source.lookNow(stop.signal);
    expect(source.state()).toMatchObject({
      healthy: false,
      message: expect.stringContaining('the resolver does not answer'),
    });
    expect(source.state().message).toContain('discovery.dns.resolver');
    expect(performance.now() - began).toBeLessThan(5_000 + 1_000);
    stop.abort();
    await running;
  });

  test('polls with jitter, follows an address, and lets a record age out after three answers without it', async () => {
    await using server = await dnsServer(zone);
    const clock = fakeClock();
    const stop = new AbortController();
    const source = dnsSource({ ...options(server), clock, random: () => 0.5 });
    const running = source.run(stop.signal);
    const seen = () => source.sightings().map(({ addresses }) => addresses.join());
    const looks = () => server.questions.filter((question) => question === `SRV ${NAME}`).length;
    /** Real sockets beside a clock that stands still: the answer comes after some turns of the event loop. */
    const ended = (count: number) =>
      expect.poll(() => [looks(), source.state().lookedUpAt?.getTime()]).toEqual([count, clock.wall().getTime()]);
    await clock.advance(0);
    await ended(1);
    expect(seen()).toEqual(['203.0.113.5:7443']);
    server.records = [...zone.slice(0, 2), a('a.example.com', '203.0.113.9')];
    await clock.advance(30_000);
    await ended(2);
    expect(seen()).toEqual(['203.0.113.9:7443']);
    server.records = [];
    for (const count of [3, 4]) {
      await clock.advance(30_000);
      await ended(count);
      expect(seen()).toEqual(['203.0.113.9:7443']);
    }
    await clock.advance(30_000);
    await ended(5);
    expect(seen()).toEqual([]);
    stop.abort();
    await running;
  });

  test('looks once where many ask at the same time', async () => {
    await using server = await dnsServer(zone);
    const stop = new AbortController();
    const source = dnsSource({ ...options(server), clock: systemClock });
    const running = source.run(stop.signal);
    await Promise.all(Array.from({ length: 50 }, () => source.lookNow(stop.signal)));
    expect(server.questions.filter((question) => question.startsWith('SRV'))).toHaveLength(1);
    stop.abort();
    await running;
  });
});

describe('the order of targets', () => {
  const record = (target: string, weight: number, priority = 10) => ({ target, weight, priority, port: 1 });

  test('is the same at every look, whatever the order of the answer', () => {
    const records = Array.from({ length: 8 }, (_, i) => record(`h${i}`, i));
    expect(inOrder(records, 's')).toEqual(inOrder(records.toReversed(), 's'));
  });

  test('spreads many clusters by weight (RFC 2782), and never puts a higher priority number first', () => {
    const records = [record('heavy', 3), record('light', 1), record('zero', 0), record('backup', 100, 20)];
    const firsts = new Map<string, number>();
    for (let seed = 0; seed < 4_000; seed++) {
      const [first, , , last] = inOrder(records, String(seed));
      firsts.set(first?.target ?? '', (firsts.get(first?.target ?? '') ?? 0) + 1);
      expect(last?.target).toBe('backup');
    }
    expect((firsts.get('heavy') ?? 0) / 4_000).toBeCloseTo(0.75, 1);
    expect((firsts.get('light') ?? 0) / 4_000).toBeCloseTo(0.25, 1);
    expect(firsts.get('zero') ?? 0).toBeLessThan(80);
  });
});
