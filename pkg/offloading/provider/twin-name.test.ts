import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NamespaceClaimSpec } from '#pkg/api';
import { defaultTwinName, twinName } from './twin-name.ts';

const claim = (homeNamespace: string, more: Partial<NamespaceClaimSpec> = {}): NamespaceClaimSpec => ({
  homeNamespace,
  twinStrategy: 'Default',
  ...more,
});
const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
const consumer = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$/);

describe('names of twins', () => {
  test('a short name is namespace and consumer', () => {
    expect(twinName(claim('shop'), 'milan')).toEqual({ name: 'shop-milan' });
    expect(twinName(claim('my-shop'), 'milan')).toEqual({ name: 'my-shop-milan' });
  });

  test('REF-10 a long one is cut and ends with a hash; it is valid, stable, and long ones stay different', () => {
    const [first, second] = [`${'a'.repeat(61)}1`, `${'a'.repeat(61)}2`].map((home) => defaultTwinName(home, 'milan'));
    expect(first).toHaveLength(63);
    expect(first).toMatch(/^a+-[0-9a-f]{8}$/);
    expect(second).not.toBe(first);
    expect(defaultTwinName(`${'a'.repeat(61)}1`, 'milan')).toBe(first);
  });

  test('REF-10 every name is a valid namespace name, and two owners never share one', () => {
    const owner = fc.tuple(label, consumer);
    fc.assert(
      fc.property(owner, owner, ([home, peer], [otherHome, otherPeer]) => {
        const name = defaultTwinName(home, peer);
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
        if (home !== otherHome || peer !== otherPeer) expect(defaultTwinName(otherHome, otherPeer)).not.toBe(name);
      }),
    );
  });

  test('names that could be read in two ways stay apart', () => {
    expect(defaultTwinName('a-b', 'c')).not.toBe(defaultTwinName('a', 'b-c'));
    expect(defaultTwinName('a', 'b-c')).toMatch(/^a-b-c-[0-9a-f]{8}$/);
  });

  test('what the provider reserves is refused with the rule', () => {
    expect(twinName(claim('shop', { twinStrategy: 'Named', twinName: 'prod' }), 'milan')).toEqual({
      refused: 'the name prod is not allowed for this peer; allowed are *-milan, shop',
    });
    expect(twinName(claim('kube-system', { twinStrategy: 'Same' }), 'milan', ['*'])).toHaveProperty('refused');
    expect(twinName(claim('shop', { twinStrategy: 'Named', twinName: '../x' }), 'milan', ['*'])).toHaveProperty(
      'refused',
    );
  });

  test('patterns of the provider decide, also over default names', () => {
    expect(twinName(claim('shop'), 'milan', ['team-*'])).toHaveProperty('refused');
    expect(twinName(claim('shop', { twinStrategy: 'Named', twinName: 'team-a' }), 'milan', ['team-*'])).toEqual({
      name: 'team-a',
    });
    expect(twinName(claim('shop', { twinStrategy: 'Same' }), 'milan')).toEqual({ name: 'shop' });
  });
});
