import { expect, test } from 'vitest';
import { enqueueOn } from './enqueue.ts';
import type { InformerHandler } from './informer-interface.ts';
import type { KubeObject } from './object.ts';

test('an object that moves wakes its old and its new owner, once each, and the first reading comes last', () => {
  let change: InformerHandler<KubeObject> = () => {};
  const informer = {
    on(handler: InformerHandler<KubeObject>) {
      change = handler;
      return { [Symbol.dispose]: () => (change = () => {}) };
    },
  };
  const added: string[] = [];
  const queue = { add: (key: string, { priority = 'high' } = {}) => void added.push(`${key} ${priority}`) };
  const owned = (owner: string): KubeObject => ({ metadata: { name: 'pod', labels: { owner } } });
  const registration = enqueueOn(informer, queue, (object) => Object.values(object.metadata.labels ?? {}));
  change(undefined, owned('a'), true);
  change(owned('a'), owned('b'), false);
  change(owned('b'), owned('b'), false);
  change(owned('b'), undefined, false);
  registration[Symbol.dispose]();
  change(owned('b'), undefined, false);
  expect(added).toEqual(['a low', 'a high', 'b high', 'b high', 'b high']);
});
