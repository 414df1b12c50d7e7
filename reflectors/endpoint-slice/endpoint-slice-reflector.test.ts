import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EndpointSlice } from '#pkg/kube';
import { endpointSliceReflector } from './index.ts';

type Endpoint = EndpointSlice['endpoints'][number];

const slice = (endpoints: Endpoint[], more: Partial<EndpointSlice> = {}): EndpointSlice => ({
  metadata: { name: 'web-x7k2p', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web', app: 'web' } },
  addressType: 'IPv4',
  endpoints,
  ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }],
  ...more,
});

const rome = endpointSliceReflector({ isOwnNode: (node) => node === 'rome' });
const addresses = (fields: object | undefined) =>
  (fields as EndpointSlice | undefined)?.endpoints.flatMap((endpoint) => endpoint.addresses);

describe('slices for a provider', () => {
  test('endpoints on own virtual nodes are left out; on other nodes, real or virtual, and on none they are there', () => {
    const endpoints = [
      { addresses: ['10.244.1.1'], nodeName: 'milan-node1' },
      { addresses: ['10.244.1.2'], nodeName: 'rome' },
      { addresses: ['10.72.1.3'], nodeName: 'turin' },
      { addresses: ['192.0.2.4'] },
    ];
    expect(addresses(rome.toTwin(slice(endpoints))?.fields)).toEqual(['10.244.1.1', '10.72.1.3', '192.0.2.4']);
    expect(rome.toTwin(slice([{ addresses: ['10.244.1.2'], nodeName: 'rome' }]))).toBeUndefined();
  });

  test('conditions, hostname and ports are those of home; node, zone, hints, target and keys stay there', () => {
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
    expect(rome.toTwin(slice([endpoint]))).toEqual({
      labels: { 'tombolo.io/service-name': 'web', 'service.kubernetes.io/headless': '' },
      dropKeys: [''],
      fields: {
        addressType: 'IPv4',
        endpoints: [
          {
            addresses: ['10.244.1.1'],
            conditions: { ready: false, serving: true, terminating: true },
            hostname: 'web-0',
          },
        ],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }],
      },
    });
  });

  test('of an endpoint that is simply ready no condition is written', () => {
    const ready = [{}, { ready: true }, { ready: true, serving: true, terminating: false }];
    const other = [{ ready: false }, { ready: true, terminating: true }, { serving: false }];
    const endpointsThere = (conditions: NonNullable<Endpoint['conditions']>) =>
      rome.toTwin(slice([{ addresses: ['10.244.1.1'], conditions }]))?.fields['endpoints'];
    for (const one of ready) expect(endpointsThere(one)).toEqual([{ addresses: ['10.244.1.1'] }]);
    for (const one of other) {
      expect(endpointsThere(one)).toEqual([{ addresses: ['10.244.1.1'], conditions: one }]);
    }
  });

  test('endpoints that differ in nothing but the address are one, with at most 100 addresses and none twice', () => {
    const endpointsThere = (endpoints: Endpoint[]) => rome.toTwin(slice(endpoints))?.fields['endpoints'];
    const one = (address: string, more: Partial<Endpoint> = {}): Endpoint => ({ addresses: [address], ...more });
    const leaving = { conditions: { ready: false, serving: true, terminating: true } };
    expect(
      endpointsThere([
        one('10.244.1.1', { nodeName: 'milan-node1', conditions: { ready: true } }),
        one('10.244.1.2', leaving),
        one('10.244.1.3', { nodeName: 'turin' }),
        one('10.244.1.4', { hostname: 'db-0' }),
        one('10.244.1.5', leaving),
        one('10.244.1.3'),
      ]),
    ).toEqual([
      { addresses: ['10.244.1.1', '10.244.1.3'] },
      { addresses: ['10.244.1.2', '10.244.1.5'], ...leaving },
      { addresses: ['10.244.1.4'], hostname: 'db-0' },
      { addresses: ['10.244.1.3'] },
    ]);
    // Only the first of several means anything.
    expect(endpointsThere([{ addresses: ['10.244.1.1', '10.244.1.2'] }])).toEqual([one('10.244.1.1')]);
    const many = Array.from({ length: 250 }, (_, index) => one(`10.244.${index >> 8}.${index & 255}`));
    expect((endpointsThere(many) as Endpoint[]).map(({ addresses: list }) => list.length)).toEqual([100, 100, 50]);
  });

  test('a slice of a headless Service stays marked as one', () => {
    const labels = { 'kubernetes.io/service-name': 'db', 'service.kubernetes.io/headless': '' };
    const headless = slice([{ addresses: ['10.244.1.1'] }], { metadata: { name: 'db-1', namespace: 'shop', labels } });
    expect(rome.toTwin(headless)?.labels).toMatchObject({ 'tombolo.io/headless': 'true' });
  });

  test('a slice that is hidden from proxies at home is of no headless Service, and what stands for it there stays there', () => {
    const of = (labels: object) => ({
      metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web', ...labels } },
    });
    const endpoints = [{ addresses: ['10.244.1.1'] }];
    const hidden = rome.toTwin(slice(endpoints, of({ 'service.kubernetes.io/headless': 'tombolo' })));
    expect(hidden).toEqual(rome.toTwin(slice(endpoints, of({}))));
    const manager = { 'endpointslice.kubernetes.io/managed-by': 'affinity.tombolo.io' };
    expect(rome.toTwin(slice(endpoints, of(manager)))).toBeUndefined();
  });

  test('of the API server, of no Service, and of names instead of addresses there is none', () => {
    const of = (name: string, namespace: string) => ({
      metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
    });
    const endpoints = [{ addresses: ['10.244.1.1'] }];
    expect(rome.toTwin(slice(endpoints, of('kubernetes', 'default')))).toBeUndefined();
    expect(rome.toTwin(slice(endpoints, of('kubernetes', 'shop')))).toBeDefined();
    expect(rome.toTwin(slice(endpoints, { metadata: { name: 'loose', namespace: 'shop' } }))).toBeUndefined();
    expect(rome.toTwin(slice(endpoints, { addressType: 'FQDN' }))).toBeUndefined();
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
      const twin = rome.twinName(a);
      expect(twin).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      expect(twin.length).toBeLessThanOrEqual(253);
      expect(rome.twinName(a)).toBe(twin);
      expect(rome.twinName(b) === twin).toBe(a === b);
    }),
  );
  const [long, other] = ['a', 'b'].map((last) => rome.twinName('x'.repeat(252) + last));
  expect(long).not.toBe(other);
  expect(long).toHaveLength(253);
});
