import { type DiscoveredCluster, DISCOVERY, type Discovery } from '#pkg/api';
import type { Cluster, Resource } from '#pkg/kube';
import { describe, expect, test } from 'vitest';
import type { Session } from '../session.ts';
import { discover } from './discover.ts';

const NOW = '2026-05-05T12:00:00Z';
const KEY = '1a2b3c4d5e6f7081'.padEnd(64, '0');

const found = (
  name: string,
  status: DiscoveredCluster['status'],
  spec: Partial<DiscoveredCluster['spec']> = {},
): DiscoveredCluster => ({
  metadata: { name: `${name}-object` },
  spec: {
    clusterName: name,
    fingerprint: KEY,
    source: 'DNS',
    domain: 'example.com',
    addresses: ['203.0.113.5:7443'],
    ...spec,
  },
  status: { lastSeen: '2026-05-05T11:59:48Z', ...status },
});

/** A session on a cluster with these objects, whose controller has answered unless `isBusy`. */
function session(
  clusters: DiscoveredCluster[],
  sources: NonNullable<Discovery['status']>['sources'] = [],
  isBusy = false,
): Session {
  const client = {
    async get({ kind }: Resource) {
      if (kind !== DISCOVERY.kind) return { data: { clusterName: 'milan', fingerprint: KEY } };
      return { metadata: { name: 'cluster', generation: 2 }, status: { observedGeneration: isBusy ? 1 : 2, sources } };
    },
    apply: async () => client.get({ kind: DISCOVERY.kind } as Resource),
    list: async () => ({ items: clusters }),
    request: async () => ({ headers: { date: new Date(NOW).toUTCString() } }),
  };
  return {
    signal: new AbortController().signal,
    progress: { step: () => {}, note: () => {} },
    home: async () => ({ client, name: 'milan', server: 'https://milan' }) as unknown as Cluster,
  } as unknown as Session;
}

describe('tombolo discover', () => {
  test('prints name, address, short fingerprint, source, state and age, and a sentence where there is one', async () => {
    const clusters = [
      found('rome', { state: 'Available', addresses: ['203.0.113.5:7443', '203.0.113.6:7443'] }),
      found(
        'loop',
        { state: 'Refused', addresses: [], message: 'never dialled: 127.0.0.1:7443 is a loopback address' },
        { addresses: ['127.0.0.1:7443'] },
      ),
      found('milan', { state: 'Own', addresses: [] }),
    ];
    const { text, value, exitCode } = await discover(
      session(clusters, [{ name: 'DNS example.com', source: 'DNS', healthy: true }]),
      { all: false },
    );
    expect(text).toBe(
      [
        'NAME   ADDRESS               FINGERPRINT           SOURCE            STATE       LAST SEEN',
        'loop   127.0.0.1:7443        1a2b-3c4d-5e6f-7081   DNS example.com   Refused     12s ago',
        'rome   203.0.113.5:7443 +1   1a2b-3c4d-5e6f-7081   DNS example.com   Available   12s ago',
        '',
        'loop (1a2b-3c4d-5e6f-7081): never dialled: 127.0.0.1:7443 is a loopback address',
      ].join('\n'),
    );
    expect([exitCode, Object.keys(value)]).toEqual([0, ['clusters', 'sources', 'problems']]);
    const all = await discover(session(clusters), { all: true });
    expect(all.text).toContain('milan');
  });

  test('PEER-08 says what is wrong with a source, and exits with 4', async () => {
    const message =
      'cannot look up _tombolo._tcp.example.com: the resolver does not answer; see the chart value discovery.dns.resolver';
    const node = { source: 'MDNS' as const, healthy: false, message: 'node n: UDP port 5353 is in use' };
    const { text, exitCode } = await discover(
      session(
        [],
        [
          { name: 'DNS example.com', source: 'DNS', healthy: false, message },
          { ...node, name: 'MDNS n', lookedUpAt: '2026-05-05T11:59:00Z' },
          { ...node, name: 'MDNS gone', lookedUpAt: '2026-05-04T12:00:00Z' }, // a node that is no more
          { name: 'MDNS', source: 'MDNS', healthy: true },
        ],
      ),
      { all: false },
    );
    expect(text).toBe(
      ['No other cluster was found.', '', `DNS example.com: ${message}`, `MDNS n: ${node.message}`].join('\n'),
    );
    expect(exitCode).toBe(4);
  });

  test('says how to turn a source on where there is none, and that a controller has not answered', async () => {
    expect((await discover(session([]), { all: false })).text).toContain('discovery.dns.domains');
    const began = performance.now();
    const { text, exitCode } = await discover(session([], [], true), { all: false });
    expect(text).toContain('the controller has not looked yet');
    expect(exitCode).toBe(4);
    expect(performance.now() - began).toBeLessThan(5_000);
  }, 20_000);
});
