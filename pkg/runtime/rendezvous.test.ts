import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rendezvous } from './rendezvous.ts';

const members = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 });

test('a member that leaves moves only its own keys, and the order of members does not matter', () => {
  fc.assert(
    fc.property(members, fc.string(), (all, key) => {
      const owner = rendezvous(key, all);
      expect(rendezvous(key, all.toReversed())).toBe(owner);
      for (const gone of all) {
        if (gone === owner) continue;
        const rest = all.filter((member) => member !== gone);
        expect(rendezvous(key, rest)).toBe(owner);
      }
    }),
  );
});

test('keys spread evenly', () => {
  const counts = new Map<string | undefined, number>();
  for (let i = 0; i < 3_000; i++) {
    const owner = rendezvous(`peer-${i}`, ['a', 'b', 'c']);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});

test('nobody owns a key where there are no members', () => {
  expect(rendezvous('milan', [])).toBeUndefined();
});
