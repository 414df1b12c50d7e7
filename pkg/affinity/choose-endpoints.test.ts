import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EndpointSlice } from '#pkg/kube';
import { chosenEndpoints, type Endpoint, portsServed } from './choose-endpoints.ts';

const isOwn = ({ nodeName }: Endpoint) => nodeName === 'here';

/** `here+` is a ready endpoint of this cluster, `there-` one of the other that is not ready. */
const endpoint = (text: string): Endpoint => ({
  addresses: [text],
  nodeName: text.slice(0, -1),
  conditions: { ready: text.endsWith('+') },
});
const slice = (text: string, ports = 'http', addressType = 'IPv4'): EndpointSlice => ({
  metadata: { name: 'web' },
  addressType,
  endpoints: text.split(' ').filter(Boolean).map(endpoint),
  ports: ports.split(' ').map((name) => ({ name, port: 8080, protocol: 'TCP' })),
});
const chosen = (...slices: EndpointSlice[]) => {
  const served = portsServed(slices, isOwn);
  return slices.map((one) =>
    chosenEndpoints(one, served, isOwn)
      .map(({ addresses }) => addresses[0])
      .join(' '),
  );
};

describe('the endpoints that are left where those of one cluster are preferred', () => {
  test('are its own while one of them is ready, in whichever slice, and all where none is', () => {
    expect(chosen(slice('here+ there+ here-'))).toEqual(['here+ here-']);
    expect(chosen(slice('here- there+'))).toEqual(['here- there+']);
    expect(chosen(slice('there+'), slice('here- there-'), slice('here+'))).toEqual(['', 'here-', 'here+']);
    expect(chosen(slice(''))).toEqual(['']);
  });

  test('an endpoint that says nothing of itself is ready, as for proxies', () => {
    const silent = { ...slice(''), endpoints: [{ addresses: ['a'], nodeName: 'here' }, endpoint('there+')] };
    expect(chosen(silent)).toEqual(['a']);
  });

  test('are judged by port and family: what serves one of them does not serve the other', () => {
    expect(chosen(slice('here+', 'http'), slice('there+', 'grpc'))).toEqual(['here+', 'there+']);
    expect(chosen(slice('here+', 'http'), slice('there+', 'http grpc'))).toEqual(['here+', 'there+']);
    expect(chosen(slice('here+', 'http grpc'), slice('there+', 'grpc'))).toEqual(['here+', '']);
    expect(chosen(slice('here+'), slice('here- there+', 'http', 'IPv6'))).toEqual(['here+', 'here- there+']);
  });

  test('without ports nothing can be judged, and nothing is left out', () => {
    const bare = (text: string): EndpointSlice => ({ ...slice(text), ports: [] });
    expect(chosen(bare('here+ there+'))).toEqual(['here+ there+']);
  });
});

/** What a proxy does for one port and family: it asks any ready endpoint that it sees. */
const asked = (slices: readonly EndpointSlice[], port: string, family: string) =>
  new Set(
    slices
      .filter(({ addressType, ports }) => addressType === family && ports?.some(({ name }) => name === port))
      .flatMap(({ endpoints }) => endpoints)
      .filter(({ conditions }) => conditions?.ready !== false),
  );

test('for any slices: a port that somebody serves is served, by the own cluster alone where it serves all ports of its slices', () => {
  const names = ['http', 'grpc'];
  const families = ['IPv4', 'IPv6'];
  const anyEndpoint = fc.record({
    addresses: fc.tuple(fc.ipV4()),
    nodeName: fc.constantFrom('here', 'there'),
    conditions: fc.option(fc.record({ ready: fc.boolean() }), { nil: undefined }),
  }) as fc.Arbitrary<Endpoint>;
  const anySlice = fc
    .record({
      addressType: fc.constantFrom(...families),
      endpoints: fc.array(anyEndpoint, { maxLength: 4 }),
      names: fc.subarray(names, { minLength: 1 }),
    })
    .map(
      ({ names: of, ...rest }): EndpointSlice => ({
        metadata: { name: 'web' },
        ...rest,
        ports: of.map((name) => ({ name, port: 8080, protocol: 'TCP' })),
      }),
    );
  fc.assert(
    fc.property(fc.array(anySlice, { maxLength: 5 }), (slices) => {
      const served = portsServed(slices, isOwn);
      const left = slices.map((one) => ({ ...one, endpoints: chosenEndpoints(one, served, isOwn) }));
      for (const family of families) {
        const ownServes = (name: string) => [...asked(slices, name, family)].some(isOwn);
        for (const name of names) {
          const [before, after] = [asked(slices, name, family), asked(left, name, family)];
          // Nothing is made up, own ones stay, and nobody loses its last endpoint.
          expect(before.isSupersetOf(after)).toBe(true);
          for (const one of before) if (isOwn(one)) expect(after.has(one)).toBe(true);
          expect(after.size === 0).toBe(before.size === 0);
          if (names.every(ownServes)) expect([...after].every(isOwn)).toBe(true);
          if (!ownServes(name)) expect(after).toEqual(before);
        }
      }
    }),
  );
});
