import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuantity, type Quantity } from './quantity.ts';
import {
  addAmounts,
  type Amounts,
  formatAmounts,
  limitAmounts,
  maxAmounts,
  parseAmounts,
  shortages,
  subtractAmounts,
} from './resource-list.ts';

/** Names that objects may hold and that a careless copy would lose or invent. */
const names = fc.constantFrom('cpu', 'memory', 'pods', 'example.com/gpu', '__proto__', 'constructor', 'toString');
const lists: fc.Arbitrary<Amounts> = fc
  .array(fc.tuple(names, fc.bigInt(-20n, 20n) as fc.Arbitrary<Quantity>))
  .map((entries) => new Map(entries));
const everyName = (...all: Amounts[]) => new Set(all.flatMap((list) => [...list.keys()]));
const at = (list: Amounts, name: string) => list.get(name) ?? 0n;

test('amounts are added, subtracted and compared name by name, and no argument changes', () => {
  fc.assert(
    fc.property(lists, lists, (a, b) => {
      const before = [new Map(a), new Map(b)];
      for (const name of everyName(a, b)) {
        expect(at(addAmounts(a, b), name)).toBe(at(a, name) + at(b, name));
        expect(at(subtractAmounts(a, b), name)).toBe(at(a, name) - at(b, name));
        expect(at(maxAmounts(a, b), name)).toBe(at(a, name) > at(b, name) ? at(a, name) : at(b, name));
      }
      expect(new Set(addAmounts(a, b).keys())).toEqual(everyName(a, b));
      expect([a, b]).toEqual(before);
    }),
  );
});

test('a limit lowers what it names and adds nothing', () => {
  fc.assert(
    fc.property(lists, lists, (a, b) => {
      const limited = limitAmounts(a, b);
      expect([...limited.keys()]).toEqual([...a.keys()]);
      for (const [name, amount] of limited) {
        const limit = b.get(name);
        expect(amount).toBe(limit !== undefined && limit < at(a, name) ? limit : at(a, name));
      }
    }),
  );
});

describe('shortages', () => {
  test('NODE-34 use and demand up to what is granted fit, one milli more does not, nor a name that is not granted', () => {
    const free = parseAmounts({ cpu: '1500m', memory: '1Gi' });
    const lacking = (asked: Record<string, string>) => shortages(parseAmounts(asked), free).map((one) => one.resource);
    expect(lacking({ cpu: '1.5', memory: '1024Mi' })).toEqual([]);
    expect(lacking({ cpu: '1501m', memory: '1Gi' })).toEqual(['cpu']);
    expect(lacking({ cpu: '1', 'example.com/gpu': '1' })).toEqual(['example.com/gpu']);
    expect(lacking({ 'example.com/gpu': '0' })).toEqual([]);
  });

  test('there is none exactly where nothing that is asked for would go below zero', () => {
    fc.assert(
      fc.property(lists, lists, (asked, free) => {
        const rest = subtractAmounts(free, asked);
        const below = [...asked].filter(([name, amount]) => amount > 0n && at(rest, name) < 0n).map(([name]) => name);
        expect(shortages(asked, free).map((one) => one.resource)).toEqual(below);
      }),
    );
  });
});

test('texts survive a round trip, names sorted, also hostile ones', () => {
  fc.assert(
    fc.property(lists, (list) => {
      const texts = formatAmounts(list);
      expect(Object.keys(texts)).toEqual([...list.keys()].toSorted());
      expect(parseAmounts(texts)).toEqual(new Map([...list].toSorted(([a], [b]) => (a < b ? -1 : 1))));
    }),
  );
});

test('memory, storage and huge pages are written in powers of two, the rest in powers of ten', () => {
  const amount = parseQuantity('2048000');
  const texts = (...keys: string[]) => Object.values(formatAmounts(new Map(keys.map((key) => [key, amount]))));
  expect(texts('memory', 'storage', 'ephemeral-storage', 'hugepages-2Mi', 'requests.memory')).toEqual(
    Array(5).fill('2000Ki'),
  );
  expect(texts('cpu', 'pods', 'example.com/memory')).toEqual(Array(3).fill('2048k'));
});

test('a text that is no quantity is refused with the name of its resource', () => {
  expect(() => parseAmounts({ cpu: '1', memory: '1 Gi' })).toThrow(/memory: “1 Gi” is not a quantity/);
});
