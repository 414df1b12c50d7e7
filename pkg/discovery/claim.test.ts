import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readClaim, writeClaim } from './claim.ts';

const KEY = '1a2b3c4d'.repeat(8);
const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text));
const good = [`name=rome`, `id=${KEY}`];

describe('readClaim', () => {
  test('reads what writeClaim wrote', () => {
    const claim = { clusterName: 'rome', fingerprint: KEY, labels: { 'example.com/site': 'south', tier: '' } };
    expect(readClaim(bytes(...writeClaim(claim)))).toEqual({ ...claim, hosts: [] });
  });

  test.each([
    ['more bytes than a claim needs', bytes(...good, 'x'.repeat(2_000)), 'more than 2048'],
    ['more strings than a claim needs', bytes(...good, ...Array.from({ length: 63 }, () => 'x')), 'more than 64'],
    ['bytes that are no UTF-8', [...bytes(...good), Buffer.from([0xff, 0xfe])], 'is not UTF-8'],
    ['no name', bytes(`id=${KEY}`), 'has no name='],
    ['a name that is no DNS label', bytes('name=Rome!', `id=${KEY}`), 'no DNS label'],
    ['a name of 49 characters', bytes(`name=${'r'.repeat(49)}`, `id=${KEY}`), 'no DNS label'],
    ['no id', bytes('name=rome'), 'has no id='],
    ['an id that is no fingerprint', bytes('name=rome', `id=${KEY.toUpperCase()}`), 'no fingerprint'],
    ['a host that is none', bytes(...good, 'host=a b'), 'no host name'],
    ['too many hosts', bytes(...good, ...Array.from({ length: 17 }, (_, i) => `host=h${i}`)), 'more than 16'],
  ])('refuses %s and says so', (_, strings, why) => {
    expect(readClaim(strings)).toEqual({ why: expect.stringContaining(why) });
  });

  test('takes the first of a key that stands twice, and no label that Kubernetes would refuse', () => {
    const labels = [
      'label.a=1',
      'label.a=2',
      'label.__proto__=x',
      'label.b=not a value',
      'label.=x',
      'label.c/d/e=x',
      'LABEL.z=1',
    ];
    expect(readClaim(bytes(...good, 'name=oslo', 'flag', '=x', ...labels))).toMatchObject({
      clusterName: 'rome',
      labels: { a: '1' },
    });
  });

  test('keeps 16 labels, the same ones whatever their order', () => {
    const labels = Array.from({ length: 40 }, (_, i) => `label.k${i}=v`);
    const some = readClaim(bytes(...good, ...labels));
    expect(Object.keys('labels' in some ? some.labels : {})).toHaveLength(16);
    expect(readClaim(bytes(...good, ...labels.toReversed()))).toEqual(some);
  });

  test('never throws, and never lets through what an object could not hold', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.string().map((text) => Buffer.from(text)),
      fc.constantFrom(...good, 'label.x=y', 'host=a.example.').map((text) => Buffer.from(text)),
      fc
        .tuple(fc.constantFrom('name=', 'id=', 'label.', 'host='), fc.string())
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 80 }), (strings) => {
        const claim = readClaim(strings);
        if ('why' in claim) {
          expect(claim.why.length).toBeLessThan(200);
          return;
        }
        expect(claim.clusterName).toMatch(/^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$/);
        expect(claim.fingerprint).toMatch(/^[0-9a-f]{64}$/);
        expect(Object.keys(claim.labels).length).toBeLessThanOrEqual(16);
        for (const [key, value] of Object.entries(claim.labels)) {
          expect(key.length).toBeLessThan(64);
          expect(value.length).toBeLessThan(64);
        }
      }),
    );
  });
});
