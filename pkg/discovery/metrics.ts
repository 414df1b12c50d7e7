import type { Registry } from 'prom-client';
import type { DiscoverySource, Sighting } from './source.ts';

/**
 * Why something that a source heard is not listed. Of mDNS messages: `flood`, more of them than are read in a second;
 * `malformed`, or not safe to decode; `port`, an answer from another port than 5353 (RFC 6762 section 6). Of records of both
 * sources: `claim`, a TXT record that names no cluster in a way that can be read; `full`, no room for one more.
 */
export type DropReason = 'flood' | 'malformed' | 'port' | 'claim' | 'full';

/** What a source tells while it listens. */
export interface DiscoveryObserver {
  /** So many records about clusters: of DNS the TXT records of an answer, of mDNS those of all types. */
  heard(records: number): void;
  /** @param count default 1 */
  dropped(reason: DropReason, count?: number): void;
}

export interface DiscoveryMetrics {
  /** For sources of that kind. */
  observer(source: Sighting['source']): DiscoveryObserver;
  /** What the source lists, and how it is, is shown at each scrape until disposed. */
  follow(source: DiscoverySource): Disposable;
}

export const unobserved: DiscoveryObserver = { heard() {}, dropped() {} };

/**
 * Metrics of discovery in the process that hears: the agents (mDNS), the leader of the controller (DNS). Labels: the kind of
 * source, a reason of five, and the name of a source, of which there is one per domain or one. Loads the metrics library
 * only when called.
 */
export async function discoveryMetrics(registry: Registry): Promise<DiscoveryMetrics> {
  const { Counter, Gauge } = (await import('prom-client')).default; // CommonJS: a bundle loses its named exports
  const followed = new Set<DiscoverySource>();
  const records = new Counter({
    name: 'tombolo_discovery_records_total',
    help: 'Records about clusters that were heard',
    labelNames: ['source'] as const,
    registers: [registry],
  });
  const dropped = new Counter({
    name: 'tombolo_discovery_dropped_total',
    help: 'Messages and records that were heard and not used, by reason',
    labelNames: ['source', 'reason'] as const,
    registers: [registry],
  });
  const gauge = (name: string, help: string, value: (source: DiscoverySource) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['name'] as const,
      registers: [registry],
      collect() {
        this.reset();
        for (const source of followed) this.set({ name: source.name }, value(source));
      },
    });
  };
  gauge('tombolo_discovery_clusters', 'Clusters that the source lists now', (source) => source.sightings().length);
  gauge('tombolo_discovery_healthy', '1 while the source can look and listen', (source) =>
    source.state().healthy ? 1 : 0,
  );
  return {
    observer: (source) => ({
      heard: (count) => records.inc({ source }, count),
      dropped: (reason, count = 1) => dropped.inc({ source, reason }, count),
    }),
    follow(source) {
      followed.add(source);
      return { [Symbol.dispose]: () => void followed.delete(source) };
    },
  };
}
