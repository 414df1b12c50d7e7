import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EndpointSlice } from '#pkg/kube';
import { type ProviderView, twinSliceName, twinSlices } from './index.ts';

type Endpoint = EndpointSlice['endpoints'][number];

const slice = (endpoints: Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  metadata: {
    name: 'web-x7k2p',
    namespace: 'shop',
    labels: {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      app: 'web',
    },
    annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
  },
  addressType: 'IPv4',
  endpoints,
  ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }],
  ...more,
});

/** Home's 10.244.0.0/16 is 10.71.0.0/16 there; everything else has no alias yet. `rome` is this provider's node. */
const rome: ProviderView = {
  isOwnNode: (node) => node === 'rome',
  translate: (address) => (address.startsWith('10.244.') ? address.replace('10.244.', '10.71.') : undefined),
};

/** One line per endpoint. */
const print = (slices: readonly EndpointSlice[]) =>
  slices.flatMap(({ metadata, endpoints }) =>
    endpoints.map(
      ({ addresses, hostname = '-', conditions = {} }) =>
        `${metadata.name} ${addresses.join(',')} ${hostname} ${Object.entries(conditions)
          .map(([type, value]) => `${type}=${value}`)
          .join(' ')}`,
    ),
  );

describe('slices for a twin', () => {
  test('endpoints on own virtual nodes are left out; on other nodes, real or virtual, and on none they are there', () => {
    const endpoints = [
      { addresses: ['10.244.1.1'], nodeName: 'milan-node1', conditions: { ready: true } },
      { addresses: ['10.244.1.2'], nodeName: 'rome', conditions: { ready: true } },
      { addresses: ['10.244.1.3'], nodeName: 'turin', conditions: { ready: true } },
      { addresses: ['10.244.1.4'], conditions: { ready: true } },
    ];
    expect(print(twinSlices([slice(endpoints)], rome))).toEqual([
      'web-x7k2p-tombolo 10.71.1.1 - ready=true',
      'web-x7k2p-tombolo 10.71.1.3 - ready=true',
      'web-x7k2p-tombolo 10.71.1.4 - ready=true',
    ]);
  });

  test('conditions, hostname and ports are those of home; node, zone, hints and target stay there', () => {
    const endpoint: Endpoint = {
      addresses: ['10.244.1.1'],
      conditions: { ready: false, serving: true, terminating: true },
      hostname: 'web-0',
      nodeName: 'milan-node1',
      zone: 'a',
      hints: { forZones: [{ name: 'a' }] },
      targetRef: { kind: 'Pod', name: 'web-0', namespace: 'shop' },
      deprecatedTopology: { x: 'y' },
    };
    expect(twinSlices([slice([endpoint])], rome)).toEqual([
      {
        metadata: {
          name: 'web-x7k2p-tombolo',
          labels: {
            'kubernetes.io/service-name': 'web',
            'endpointslice.kubernetes.io/managed-by': 'reflection.tombolo.io',
          },
        },
        addressType: 'IPv4',
        endpoints: [
          {
            addresses: ['10.71.1.1'],
            conditions: { ready: false, serving: true, terminating: true },
            hostname: 'web-0',
          },
        ],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }],
      },
    ]);
  });

  test('an address that cannot be translated is nowhere, and a slice without any other is none', () => {
    const endpoints = [{ addresses: ['192.0.2.1'] }, { addresses: ['192.0.2.2', '10.244.1.1'] }];
    expect(print(twinSlices([slice(endpoints)], rome))).toEqual(['web-x7k2p-tombolo 10.71.1.1 - ']);
    expect(twinSlices([slice(endpoints)], { ...rome, translate: () => undefined })).toEqual([]);
  });

  test('a slice of a headless Service stays marked as one', () => {
    const labels = { 'kubernetes.io/service-name': 'db', 'service.kubernetes.io/headless': '' };
    const headless = slice([{ addresses: ['10.244.1.1'] }], { metadata: { name: 'db-1', namespace: 'shop', labels } });
    expect(twinSlices([headless], rome)[0]?.metadata.labels).toMatchObject({ 'service.kubernetes.io/headless': '' });
  });

  test('of the API server, of no Service, and of names instead of addresses there is none', () => {
    const of = (name: string, namespace: string) => ({
      metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
    });
    const endpoints = [{ addresses: ['10.244.1.1'] }];
    expect(twinSlices([slice(endpoints, of('kubernetes', 'default'))], rome)).toEqual([]);
    expect(twinSlices([slice(endpoints, of('kubernetes', 'shop'))], rome)).toHaveLength(1);
    expect(twinSlices([slice(endpoints, { metadata: { name: 'loose', namespace: 'shop' } })], rome)).toEqual([]);
    expect(twinSlices([slice(endpoints, { addressType: 'FQDN' })], rome)).toEqual([]);
  });

  test('for any slices: only translated addresses of other nodes, never more than at home', () => {
    const address = fc.oneof(
      fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.244.${a}.${b}`),
      fc.constantFrom('192.0.2.1', '127.0.0.1', '169.254.169.254'),
    );
    const endpoint = fc.record(
      {
        addresses: fc.array(address, { minLength: 1, maxLength: 3 }),
        nodeName: fc.constantFrom('rome', 'milan-node1'),
      },
      { requiredKeys: ['addresses'] },
    );
    fc.assert(
      fc.property(fc.array(fc.array(endpoint, { maxLength: 5 }), { maxLength: 4 }), (lists) => {
        const home = lists.map((list, index) =>
          slice(list, { metadata: { ...slice([]).metadata, name: `web-${index}` } }),
        );
        const twins = twinSlices(home, rome);
        const expected = lists.flatMap((list) =>
          list
            .filter(({ nodeName }) => nodeName !== 'rome')
            .flatMap(({ addresses }) => addresses.flatMap((one) => rome.translate(one) ?? [])),
        );
        expect(twins.flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses))).toEqual(expected);
        for (const { metadata, endpoints } of twins) {
          const from = home.find(({ metadata: { name } }) => twinSliceName(name) === metadata.name);
          expect(endpoints.length).toBeLessThanOrEqual(from?.endpoints.length ?? 0);
          expect(endpoints.length).toBeGreaterThan(0);
        }
      }),
    );
  });
});

test('names of slices are stable, valid and different, also the longest', () => {
  const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?$/);
  const name = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) =>
    parts
      .join('.')
      .slice(0, 253)
      .replace(/[-.]+$/, ''),
  );
  fc.assert(
    fc.property(name, name, (a, b) => {
      const twin = twinSliceName(a);
      expect(twin).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      expect(twin.length).toBeLessThanOrEqual(253);
      expect(twinSliceName(a)).toBe(twin);
      expect(twinSliceName(b) === twin).toBe(a === b);
    }),
  );
  const [long, other] = ['a', 'b'].map((last) => twinSliceName('x'.repeat(252) + last));
  expect(long).not.toBe(other);
  expect(long).toHaveLength(253);
});
