import { expect, test } from 'vitest';
import type { Grant } from '#pkg/api';
import {
  type Informer,
  type InformerHandler,
  keyOf,
  type KubeObject,
  type Namespace,
  type Node,
  type Pod,
} from '#pkg/kube';
import { formatAmount } from '#pkg/quantity';
import { countPods } from './count-pods.ts';
import { Ledger } from './ledger.ts';

/** A cache that the test fills. */
function cache<T extends KubeObject>() {
  const stored = new Map<string, T>();
  const handlers = new Set<InformerHandler<T>>();
  const change = (key: string, current: T | undefined) => {
    const old = stored.get(key);
    if (current === undefined) stored.delete(key);
    else stored.set(key, current);
    for (const handler of handlers) handler(old, current, false);
  };
  return {
    informer: {
      get: (key: string) => stored.get(key),
      list: () => [...stored.values()],
      on(handler: InformerHandler<T>) {
        handlers.add(handler);
        return { [Symbol.dispose]: () => void handlers.delete(handler) };
      },
    } as unknown as Informer<T>,
    set: (object: T) => change(keyOf(object), object),
    remove: (object: T) => change(keyOf(object), undefined),
  };
}

const NAMESPACE = {
  metadata: { name: 'shop-milan', labels: { 'tombolo.io/origin': 'milan' } },
} as unknown as Namespace;
const GRANT = { metadata: { name: 'rome', namespace: 'tombolo-tenant-milan' }, spec: {} } as Grant;
const KEY = 'tombolo-tenant-milan/rome';
const podOf = (name: string): Pod => ({
  metadata: { name, namespace: 'shop-milan', uid: name },
  spec: { nodeName: 'node1', containers: [{ name: 'main', image: '', resources: { requests: { cpu: '1' } } }] },
});
const NODE = { metadata: { name: 'node1' } } as Node;

function bed() {
  const [pods, namespaces, grants] = [cache<Pod>(), cache<Namespace>(), cache<Grant>()];
  const ledger = new Ledger();
  const used: string[] = [];
  const counting = countPods({
    pods: pods.informer,
    namespaces: namespaces.informer,
    grants: grants.informer,
    ledger,
    onUse: (grant) => used.push(grant),
  });
  const cpu = () => {
    const amount = ledger.used(KEY).get('cpu');
    return amount === undefined ? '0' : formatAmount('cpu', amount);
  };
  return { pods, namespaces, grants, counting, cpu, used };
}

test('pods are counted whichever of pod, namespace and grant is seen first', () => {
  const { pods, namespaces, grants, cpu } = bed();
  pods.set(podOf('a'));
  expect(cpu()).toBe('0');
  namespaces.set(NAMESPACE);
  grants.set(GRANT);
  expect(cpu()).toBe('1');
});

test.each(['namespace', 'grant'] as const)('a pod whose %s is seen to go first counts nothing any more', (first) => {
  const { pods, namespaces, grants, counting, cpu, used } = bed();
  namespaces.set(NAMESPACE);
  grants.set(GRANT);
  for (const name of ['a', 'b']) pods.set(podOf(name));
  expect(cpu()).toBe('2');
  if (first === 'namespace') namespaces.remove(NAMESPACE);
  else grants.remove(GRANT);
  used.length = 0;
  pods.remove(podOf('a'));
  pods.set({ ...podOf('b'), status: { phase: 'Succeeded' } });
  expect(used).toEqual([KEY, KEY]);
  // The next peering with that consumer has a grant of the same name.
  namespaces.set(NAMESPACE);
  grants.set(GRANT);
  expect(cpu()).toBe('0');
  expect(counting.placedOn(NODE)).toEqual(new Map());
});
