import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EndpointSlice } from '#pkg/kube';
import { type Consumer, renderedSliceName, renderSlice } from './index.ts';
import { planSlice } from './plan-slice.ts';

type Endpoint = EndpointSlice['endpoints'][number];

/** milan's 10.244.0.0/16 is 10.71.0.0/16 here, and that is all that it announced. */
const milan: Consumer = {
  translate: (address) => (address.startsWith('10.244.') ? address.replace('10.244.', '10.71.') : undefined),
  isReachable: true,
};
const away: Consumer = { ...milan, isReachable: false };

const raw = (endpoints: Endpoint[], labels: Record<string, string> = {}): EndpointSlice => ({
  metadata: {
    name: 'web-x7k2p-at-home',
    namespace: 'shop-milan',
    uid: 'u1',
    labels: { 'tombolo.io/service-name': 'web', 'service.kubernetes.io/headless': '', ...labels },
  },
  addressType: 'IPv4',
  endpoints,
  ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }],
});

/** One line per endpoint. */
const print = ({ endpoints }: EndpointSlice) =>
  endpoints.map(({ addresses, conditions = {} }) =>
    [addresses.join(','), ...Object.entries(conditions).map(([type, value]) => `${type}=${value}`)].join(' '),
  );

describe('a slice made from one of a consumer', () => {
  test('it is one of the Service, managed by us and owned by what it is made from', () => {
    const endpoint = { addresses: ['10.244.1.1'], conditions: { ready: true, serving: true, terminating: false } };
    expect(renderSlice(raw([{ ...endpoint, hostname: 'web-0' }]), milan)).toEqual({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'web-x7k2p-at-home-tombolo',
        namespace: 'shop-milan',
        labels: {
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'reflection.tombolo.io',
        },
        ownerReferences: [
          { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', name: 'web-x7k2p-at-home', uid: 'u1' },
        ],
      },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.71.1.1'],
          conditions: { ready: true, serving: true, terminating: false },
          hostname: 'web-0',
        },
      ],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' }],
    });
  });

  test('addresses that the consumer did not announce are left out and counted, never passed on', () => {
    const endpoints = ['10.244.1.1', '10.96.0.1', '192.0.2.1', '::1'].map((address) => ({ addresses: [address] }));
    const slice = renderSlice(raw(endpoints), milan);
    expect(print(slice)).toEqual(['10.71.1.1 ready=true serving=true terminating=false']);
    expect(slice.metadata.annotations).toEqual({ 'tombolo.io/left-out': '3' });
    expect(renderSlice(raw(endpoints.slice(0, 1)), milan).metadata.annotations).toBeUndefined();
    expect(print(renderSlice(raw(endpoints), { ...milan, translate: () => undefined }))).toEqual([]);
  });

  test('of several addresses each is an endpoint of its own, and each that is left out counts', () => {
    const endpoint = { addresses: ['10.244.1.1', '10.96.0.1', '10.244.1.2'], conditions: { ready: false } };
    const slice = renderSlice(raw([endpoint]), milan);
    expect(print(slice)).toEqual(
      ['10.71.1.1', '10.71.1.2'].map((address) => `${address} ready=false serving=false terminating=false`),
    );
    expect(slice.metadata.annotations).toEqual({ 'tombolo.io/left-out': '1' });
  });

  test('a consumer that names more addresses than a slice may have endpoints gets the first 1,000, and the count of the rest', () => {
    const addresses = Array.from({ length: 100 }, (_, index) => `10.244.1.${index}`);
    const slice = renderSlice(raw(Array.from({ length: 11 }, () => ({ addresses }))), milan);
    expect(slice.endpoints).toHaveLength(1_000);
    expect(slice.metadata.annotations).toEqual({ 'tombolo.io/left-out': '100' });
  });

  test('nothing is ready while packets do not reach the consumer, and what was not ready stays so', () => {
    const endpoints = [
      { addresses: ['10.244.1.1'], conditions: { ready: true, serving: true, terminating: false } },
      { addresses: ['10.244.1.2'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.244.1.3'], conditions: { ready: false } },
      { addresses: ['10.244.1.4'] },
    ];
    expect(print(renderSlice(raw(endpoints), milan))).toEqual([
      '10.71.1.1 ready=true serving=true terminating=false',
      '10.71.1.2 ready=false serving=true terminating=true',
      '10.71.1.3 ready=false serving=false terminating=false',
      '10.71.1.4 ready=true serving=true terminating=false',
    ]);
    expect(print(renderSlice(raw(endpoints), away))).toEqual([
      '10.71.1.1 ready=false serving=false terminating=false',
      '10.71.1.2 ready=false serving=false terminating=true',
      '10.71.1.3 ready=false serving=false terminating=false',
      '10.71.1.4 ready=false serving=false terminating=false',
    ]);
  });

  test('of an unwanted one the slice alone is left, and nothing says that an address was refused', () => {
    const slice = renderSlice(raw([{ addresses: ['10.244.1.1'] }, { addresses: ['10.96.0.1'] }]), milan, true);
    expect(slice.endpoints).toEqual([]);
    expect(slice.metadata.annotations).toBeUndefined();
  });

  test('what a tenant wrote besides does not travel: nodes, zones, hints and targets would be ours', () => {
    const endpoint: Endpoint = {
      addresses: ['10.244.1.1'],
      nodeName: 'rome-node1',
      zone: 'a',
      hints: { forZones: [{ name: 'a' }] },
      targetRef: { kind: 'Pod', name: 'x', namespace: 'kube-system' },
    };
    const conditions = { ready: true, serving: true, terminating: false };
    expect(renderSlice(raw([endpoint], { app: 'x' }), milan).endpoints).toEqual([
      { addresses: ['10.71.1.1'], conditions },
    ]);
  });

  test('a slice of a headless Service is marked as one', () => {
    const { labels } = renderSlice(raw([], { 'tombolo.io/headless': 'true' }), milan).metadata;
    expect(labels).toMatchObject({ 'service.kubernetes.io/headless': '' });
  });

  test('for any endpoints: only addresses of the alias, never more than given', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV4().map((text) => text.replace(/^\d+\.\d+/, '10.244')),
    );
    fc.assert(
      fc.property(fc.array(fc.record({ addresses: fc.array(address, { minLength: 1 }) })), (endpoints) => {
        const slice = renderSlice(raw(endpoints), milan);
        for (const one of slice.endpoints.flatMap(({ addresses }) => addresses)) expect(one).toMatch(/^10\.71\./);
        const leftOut = Number(slice.metadata.annotations?.['tombolo.io/left-out'] ?? 0);
        expect(slice.endpoints.length + leftOut).toBe(endpoints.flatMap(({ addresses }) => addresses).length);
        expect(slice.endpoints.every(({ addresses }) => addresses.length === 1)).toBe(true);
      }),
    );
  });
});

describe('planSlice', () => {
  const wanted = renderSlice(raw([{ addresses: ['10.244.1.1'] }]), milan);
  /** As the API server answers. */
  const standing = (change: Partial<EndpointSlice> = {}): EndpointSlice => ({
    ...wanted,
    ...change,
    metadata: { ...wanted.metadata, resourceVersion: '7', uid: 'r1', ...change.metadata },
  });
  const cases: [string, EndpointSlice | undefined, EndpointSlice | undefined][] = [
    ['create', wanted, undefined],
    ['none', wanted, standing()],
    ['replace', wanted, standing({ endpoints: [] })],
    ['replace', renderSlice(raw([{ addresses: ['10.244.1.1'] }]), away), standing()],
    ['recreate', wanted, standing({ addressType: 'IPv6' })],
    ['recreate', wanted, standing({ metadata: { ...wanted.metadata, ownerReferences: [] } })],
    ['delete', undefined, standing()],
    ['none', undefined, undefined],
    ['none', undefined, standing({ metadata: { ...wanted.metadata, deletionTimestamp: 'now' } })],
  ];
  test.each(cases)('%s', (step, one, other) => {
    expect(planSlice(one, other)).toBe(step);
  });
});

test('names of rendered slices are valid and different, also the longest', () => {
  const [long, other] = ['a', 'b'].map((last) => renderedSliceName('x'.repeat(252) + last));
  expect(long).not.toBe(other);
  expect(long).toHaveLength(253);
  expect(renderedSliceName('web')).toBe('web-tombolo');
});
