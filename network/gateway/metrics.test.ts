import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { generatePrivateKey, publicKeyOf } from '#network/wireguard';
import { gatewayMetrics } from './metrics.ts';

test('a scrape shows the tunnels and what was refused at that moment, and nothing of peers that are gone', async () => {
  const registry = new Registry();
  const metrics = await gatewayMetrics(registry);
  expect(await registry.metrics()).not.toMatch(/^tombolo_tunnel_up\{/m);
  const traffic = (packets: number) => ({ packets, bytes: 0 });
  const device = {
    publicKey: publicKeyOf(generatePrivateKey()),
    allowedIps: [],
    keepaliveSeconds: 25,
    receivedBytes: 7,
    refusedSources: 5,
    sentBytes: 9,
  };
  metrics.follow(async () => ({
    isActive: true,
    peers: [{ name: 'rome', probe: { state: 'up', missed: 0, loss: 0.5, smoothedRoundTripMs: 20 }, device }],
    counters: new Map([
      ['isolated_rome', traffic(3)],
      ['refused_source', traffic(4)],
    ]),
  }));
  const text = await registry.metrics();
  for (const line of [
    'tombolo_gateway_active 1',
    'tombolo_tunnel_up{peer="rome"} 1',
    'tombolo_tunnel_round_trip_seconds{peer="rome"} 0.02',
    'tombolo_tunnel_loss_ratio{peer="rome"} 0.5',
    'tombolo_tunnel_received_bytes{peer="rome"} 7',
    'tombolo_gateway_refused_packets{peer="rome",why="source"} 5',
    'tombolo_gateway_refused_packets{peer="rome",why="isolated"} 3',
    'tombolo_gateway_refused_packets{peer="",why="source"} 4',
  ]) {
    expect(text).toContain(line);
  }
  metrics.follow(async () => ({ isActive: false, peers: [], counters: new Map() }));
  expect(await registry.metrics()).not.toContain('rome');
});
