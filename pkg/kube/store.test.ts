import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KubeObject } from './object.ts';
import { createStore, type Store } from './store.ts';

interface Model {
  objects: Map<string, { object: KubeObject; bytes: number }>;
}

const byNode = (object: KubeObject) =>
  object.metadata.labels?.['node'] === undefined ? [] : [object.metadata.labels['node']];
const byEach = (object: KubeObject) => Object.values(object.metadata.labels ?? {});

/** Hostile names are ordinary names: a store on plain objects would lose them. */
const keys = fc.constantFrom('a', 'b', 'ns/a', 'ns/b', '__proto__', 'constructor');
const labels = fc.dictionary(fc.constantFrom('node', 'zone'), fc.constantFrom('x', 'y', '__proto__'));

class SetCommand implements fc.Command<Model, Store<KubeObject>> {
  readonly key: string;
  readonly object: KubeObject;
  readonly bytes: number;
  constructor(key: string, labelsOf: Record<string, string>, bytes: number) {
    this.key = key;
    this.object = { metadata: { name: key, labels: labelsOf } };
    this.bytes = bytes;
  }
  check = () => true;
  run(model: Model, store: Store<KubeObject>) {
    expect(store.set(this.key, this.object, this.bytes)).toBe(model.objects.get(this.key)?.object);
    model.objects.set(this.key, { object: this.object, bytes: this.bytes });
    compare(model, store);
  }
  toString = () => `set ${this.key} ${JSON.stringify(this.object.metadata.labels)}`;
}

class DeleteCommand implements fc.Command<Model, Store<KubeObject>> {
  readonly key: string;
  constructor(key: string) {
    this.key = key;
  }
  check = () => true;
  run(model: Model, store: Store<KubeObject>) {
    expect(store.delete(this.key)).toBe(model.objects.get(this.key)?.object);
    model.objects.delete(this.key);
    compare(model, store);
  }
  toString = () => `delete ${this.key}`;
}

/** The model has no indexes: it looks at every object each time. */
function compare({ objects }: Model, store: Store<KubeObject>): void {
  const all = [...objects.values()].map((entry) => entry.object);
  expect(new Set(store.list())).toEqual(new Set(all));
  expect(store.size).toBe(all.length);
  expect(store.bytes).toBe([...objects.values()].reduce((sum, entry) => sum + entry.bytes, 0));
  expect([...store.keys()].toSorted()).toEqual([...objects.keys()].toSorted());
  for (const [name, valuesOf] of Object.entries({ byNode, byEach })) {
    for (const value of ['x', 'y', '__proto__']) {
      const expected = all.filter((object) => valuesOf(object).includes(value));
      expect(new Set(store.byIndex(name, value))).toEqual(new Set(expected));
    }
  }
}

test('the store and its indexes hold what a plain map would, after any changes', () => {
  fc.assert(
    fc.property(
      fc.commands(
        [
          fc.tuple(keys, labels, fc.nat(1_000)).map(([key, values, bytes]) => new SetCommand(key, values, bytes)),
          keys.map((key) => new DeleteCommand(key)),
        ],
        { maxCommands: 60 },
      ),
      (commands) => {
        fc.modelRun(
          () => ({ model: { objects: new Map() }, real: createStore<KubeObject>({ byNode, byEach }) }),
          commands,
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('an index that was not declared is a mistake, not an empty answer', () => {
  expect(() => createStore().byIndex('node', 'x')).toThrow('no index "node"');
});
