import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type KubeObject, keyOf } from './object.ts';
import { reflectedSet } from './reflected-set.ts';
import { createStore } from './store.ts';

const LIMITS = { maxObjects: 1_000, maxBytes: 1_000_000 };
const FACTS = { attempted: 'test', where: 'here' };

/** What a server would do: the model is its list of objects, and each change has a version of its own. */
type Step =
  | { readonly do: 'write'; readonly name: string; readonly label: string }
  | { readonly do: 'delete'; readonly name: string }
  | { readonly do: 'replace'; readonly name: string }
  | { readonly do: 'lose'; readonly name: string }
  | { readonly do: 'relist' };

const name = fc.constantFrom('a', 'b', 'c', '__proto__');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('write' as const), name, label: fc.constantFrom('x', 'y') }),
  fc.record({ do: fc.constant('delete' as const), name }),
  fc.record({ do: fc.constant('replace' as const), name }),
  // Deleted and perhaps made again while the watch was away: seen by the next list only.
  fc.record({ do: fc.constant('lose' as const), name }),
  fc.record({ do: fc.constant('relist' as const) }),
);

describe('reflectedSet', () => {
  test('holds what the server holds after each list, and its changes rebuild the same set', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const server = new Map<string, KubeObject>();
        const store = createStore<KubeObject>();
        /** Rebuilt from what handlers are told, and checked for being told in order. */
        const told = new Map<string, KubeObject>();
        const set = reflectedSet(
          store,
          LIMITS,
          (old, current) => {
            const key = keyOf((current ?? old) as KubeObject);
            expect(told.get(key)?.metadata.uid).toBe(old?.metadata.uid);
            if (old !== undefined && current !== undefined) expect(current.metadata.uid).toBe(old.metadata.uid);
            if (current === undefined) told.delete(key);
            else told.set(key, current);
          },
          FACTS,
        );
        let version = 0;
        const make = (key: string, uid: string, label = ''): KubeObject => ({
          metadata: { name: key, uid, resourceVersion: String(++version), labels: { label } },
        });
        let isBehind = false;

        for (const action of [...steps, { do: 'relist' } as const]) {
          if (action.do === 'relist') {
            for (const object of server.values()) set.put(object, 10, false);
            set.keepOnly(new Set(server.keys()));
            isBehind = false;
          } else {
            const present = server.get(action.name);
            if (action.do === 'write') {
              const object = make(action.name, present?.metadata.uid ?? `uid-${version}`, action.label);
              server.set(action.name, object);
              set.put(object, 10, false);
            } else if (present !== undefined) {
              server.delete(action.name);
              if (action.do !== 'lose')
                set.drop({ metadata: { ...present.metadata, resourceVersion: String(++version) } });
              if (action.do === 'replace') {
                const object = make(action.name, `uid-${version}`);
                server.set(action.name, object);
                set.put(object, 10, false);
              }
              isBehind ||= action.do === 'lose';
            }
          }
          if (!isBehind) expect(new Map(store.list().map((o) => [keyOf(o), o]))).toEqual(server);
          expect(told).toEqual(new Map(store.list().map((object) => [keyOf(object), object])));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('another object under the same name is a deletion and an addition', () => {
    const changes: string[] = [];
    const set = reflectedSet(
      createStore<KubeObject>(),
      LIMITS,
      (old, current) => changes.push(`${old?.metadata.uid ?? '-'} → ${current?.metadata.uid ?? '-'}`),
      FACTS,
    );
    set.put({ metadata: { name: 'a', uid: '1', resourceVersion: '1' } }, 10, false);
    set.put({ metadata: { name: 'a', uid: '2', resourceVersion: '2' } }, 10, false);
    expect(changes).toEqual(['- → 1', '1 → -', '- → 2']);
  });

  test('the same version again tells nobody anything', () => {
    let count = 0;
    const set = reflectedSet(createStore<KubeObject>(), LIMITS, () => count++, FACTS);
    for (let i = 0; i < 3; i++) set.put({ metadata: { name: 'a', uid: '1', resourceVersion: '1' } }, 10, false);
    expect(count).toBe(1);
  });

  test('what is over a limit is refused each time and never stored', () => {
    const store = createStore<KubeObject>();
    const set = reflectedSet(store, { maxObjects: 2, maxBytes: 100 }, () => {}, FACTS);
    const object = (n: string) => ({ metadata: { name: n, uid: n, resourceVersion: '1' } });
    set.put(object('a'), 40, false);
    set.put(object('b'), 40, false);
    for (let i = 0; i < 2; i++) expect(() => set.put(object('c'), 1, false)).toThrow('more than 2 objects');
    const grown = { metadata: { ...object('b').metadata, resourceVersion: '2' } };
    for (let i = 0; i < 2; i++) expect(() => set.put(grown, 61, false)).toThrow('larger than 100 bytes');
    set.put(grown, 60, false);
    expect(store.bytes).toBe(100);
  });
});
