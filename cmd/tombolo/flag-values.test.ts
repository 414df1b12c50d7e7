import { describe, expect, test } from 'vitest';
import { addresses, httpsUrl, name, resources, selectorTerm } from './flag-values.ts';

describe('resources', () => {
  test('reads amounts, and adds those of an earlier flag', () => {
    expect(resources('cpu=4,memory=8Gi', { pods: '10', cpu: '1' })).toEqual({ pods: '10', cpu: '4', memory: '8Gi' });
    expect(resources('nvidia.com/gpu=1,cpu=250m')).toEqual({ 'nvidia.com/gpu': '1', cpu: '250m' });
  });

  test.each(['cpu', 'cpu=', 'cpu=much', '=4', 'cpu=4,', 'cpu=-1', 'cpu=4 Gi'])('refuses "%s"', (text) => {
    expect(() => resources(text)).toThrow(/RESOURCE=QUANTITY/);
  });
});

describe('name', () => {
  test('PEER-12 a name is a DNS label of at most 48 characters', () => {
    expect(name('milan-1')).toBe('milan-1');
    expect(name('a'.repeat(48))).toHaveLength(48);
    expect(() => name('a'.repeat(49))).toThrow('at most 48');
    for (const bad of ['Milan', '-milan', 'milan-', 'mi_lan', 'mi.lan', ''])
      expect(() => name(bad)).toThrow('DNS label');
  });
});

describe('addresses', () => {
  test.each(['203.0.113.7:30443', 'peer.example:7443', '[2001:db8::1]:7443'])('takes %s', (text) => {
    expect(addresses(text, ['a:1'])).toEqual(['a:1', text]);
  });

  test.each(['peer.example', 'peer.example:0', 'peer.example:65536', 'https://peer:1', '2001:db8::1:7443'])(
    'refuses %s',
    (text) => {
      expect(() => addresses(text)).toThrow('host:port');
    },
  );
});

test('httpsUrl refuses everything that is no https URL', () => {
  expect(httpsUrl('https://api.example:6443')).toBe('https://api.example:6443');
  for (const bad of ['http://api', 'api.example:6443', '']) expect(() => httpsUrl(bad)).toThrow('https://');
});

describe('selectorTerm', () => {
  test('expressions of one flag are one term, flags are terms', () => {
    const first = selectorTerm('region in (eu, us),tier=gold,!spot');
    expect(selectorTerm('zone!=a,gpu,cost<5', first)).toEqual([
      {
        matchExpressions: [
          { key: 'region', operator: 'In', values: ['eu', 'us'] },
          { key: 'tier', operator: 'In', values: ['gold'] },
          { key: 'spot', operator: 'DoesNotExist' },
        ],
      },
      {
        matchExpressions: [
          { key: 'zone', operator: 'NotIn', values: ['a'] },
          { key: 'gpu', operator: 'Exists' },
          { key: 'cost', operator: 'Lt', values: ['5'] },
        ],
      },
    ]);
  });

  test.each(['', 'region in eu', 'a=b=c', 'in (a)', 'x,'])('refuses "%s"', (text) => {
    expect(() => selectorTerm(text)).toThrow('label requirement');
  });
});
