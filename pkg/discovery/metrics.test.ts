import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { discoveryMetrics } from './metrics.ts';
import type { DiscoverySource, Sighting } from './source.ts';

test('a scrape shows what was heard, what was dropped and why, and what is listed at that moment', async () => {
  const registry = new Registry();
  const metrics = await discoveryMetrics(registry);
  const mdns = metrics.observer('MDNS');
  mdns.heard(4);
  mdns.dropped('flood');
  mdns.dropped('full', 3);
  metrics.observer('DNS').heard(2);
  const sightings: Sighting[] = [];
  let healthy = true;
  const source = {
    name: 'MDNS node-1',
    sightings: () => sightings,
    state: () => ({ healthy }),
  } satisfies Partial<DiscoverySource> as unknown as DiscoverySource;
  {
    using _followed = metrics.follow(source);
    expect(await registry.metrics()).toContain('tombolo_discovery_clusters{name="MDNS node-1"} 0');
    sightings.push({} as Sighting);
    healthy = false;
    const text = await registry.metrics();
    for (const line of [
      'tombolo_discovery_records_total{source="MDNS"} 4',
      'tombolo_discovery_records_total{source="DNS"} 2',
      'tombolo_discovery_dropped_total{source="MDNS",reason="flood"} 1',
      'tombolo_discovery_dropped_total{source="MDNS",reason="full"} 3',
      'tombolo_discovery_clusters{name="MDNS node-1"} 1',
      'tombolo_discovery_healthy{name="MDNS node-1"} 0',
    ]) {
      expect(text).toContain(line);
    }
  }
  expect(await registry.metrics()).not.toContain('node-1');
});
