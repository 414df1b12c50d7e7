import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { dnsResolver, dnsSource } from '#pkg/discovery';
import { silentLog, systemClock } from '#pkg/runtime';
import { expect, test } from 'vitest';
import { serveZone } from './zone.ts';

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

// Building CoreDNS takes minutes where no test bed has been up yet.
test('a zone of a real CoreDNS gives clusters, and what is wrong with others', { timeout: 600_000 }, async () => {
  await using zone = await serveZone('clusters.test', '127.0.0.1', await freePort());
  await zone.set([
    '_tombolo._tcp SRV 10 50 7443 rome',
    '_tombolo._tcp SRV 20 50 7444 gone',
    '_tombolo._tcp SRV 30 50 0 zero',
    `_tombolo._tcp TXT "name=rome" "id=${'ab'.repeat(32)}" "label.site=south" "host=rome.clusters.test"`,
    `_tombolo._tcp TXT "name=oslo" "id=${'cd'.repeat(32)}" "host=gone.clusters.test" "host=zero.clusters.test"`,
    '_tombolo._tcp TXT "name=bonn\\255"',
    'rome A 203.0.113.5',
    'rome AAAA 2001:db8::5',
    'zero A 203.0.113.6',
  ]);
  const stop = new AbortController();
  const source = dnsSource({
    domain: 'clusters.test',
    resolver: dnsResolver(zone.resolver),
    seed: 'seed',
    periodMs: 60_000,
    clock: systemClock,
    log: silentLog,
  });
  const running = source.run(stop.signal);
  await source.lookNow(stop.signal);
  expect(source.state()).toMatchObject({ healthy: true, message: expect.stringContaining('is not UTF-8') });
  expect(source.sightings()).toMatchObject([
    { clusterName: 'oslo', addresses: [], problem: expect.stringContaining('gone.clusters.test has no address') },
    { clusterName: 'rome', addresses: ['203.0.113.5:7443', '[2001:db8::5]:7443'], labels: { site: 'south' } },
  ]);
  expect(source.sightings()[0]?.problem).toContain('zero.clusters.test is announced with port 0');
  stop.abort();
  await running;
});
