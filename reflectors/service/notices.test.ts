import { expect, test } from 'vitest';
import { NO_OFFERS, type Offers, type ReflectionPolicy } from '#pkg/api';
import type { InformerHandler, KubeObject, Service } from '#pkg/kube';
import type { TwinTable } from '#reflectors/framework';
import { serviceNotices } from './index.ts';

const never = () => ({ [Symbol.dispose]() {} });
const twins: TwinTable = {
  twinOf: (home) =>
    home === 'shop' ? { namespace: 'shop-milan', state: 'Accepted', reason: '', message: '' } : undefined,
  homeOf: () => undefined,
  list: () => [],
  on: never,
};

function bed(policies: ReflectionPolicy[] = []) {
  const said: string[] = [];
  const handlers = new Set<InformerHandler<KubeObject>>();
  const seen = new Map<string, Service>();
  let offers: Offers = NO_OFFERS;
  let changed = () => {};
  const notices = serviceNotices({
    peer: 'rome',
    offers: () => offers,
    onOffers(handler) {
      changed = handler;
      return never();
    },
    policies: { list: () => policies },
    events: { event: ({ metadata, kind }, type, reason) => said.push(`${type} ${reason} ${kind}/${metadata.name}`) },
  });
  const services = {
    list: () => [...seen.values()],
    on(handler: InformerHandler<KubeObject>) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
  };
  return {
    said,
    connect: () => notices.follow(services, twins),
    offer(value: Offers) {
      offers = value;
      changed();
    },
    see(type: string, namespace = 'shop') {
      const service: Service = { metadata: { name: 'web', namespace, uid: `uid-${namespace}` }, spec: { type } };
      seen.set(namespace, service);
      for (const handler of handlers) handler(undefined, service, false);
    },
  };
}

test('a Service is told about once, however often it is seen and the peer comes back', () => {
  const { said, connect, see } = bed();
  {
    using _ = connect();
    see('NodePort');
    see('NodePort');
  }
  using _ = connect();
  see('NodePort');
  expect(said).toEqual(['Warning NotReflected Service/web']);
});

test('it is told again where its type has changed in between', () => {
  const { said, connect, see } = bed();
  using _ = connect();
  for (const type of ['NodePort', 'ClusterIP', 'NodePort', 'LoadBalancer']) see(type);
  expect(said).toHaveLength(3);
});

test('nothing is said of what the provider offers, and it is said again when that ends', () => {
  const { said, connect, see, offer } = bed();
  using _ = connect();
  offer({ nodePorts: true });
  see('NodePort');
  expect(said).toEqual([]);
  offer(NO_OFFERS);
  expect(said).toHaveLength(1);
});

test('nothing is said where there is no twin, or where a policy keeps the Service at home', () => {
  const policy: ReflectionPolicy = { metadata: { name: 'p' }, spec: { never: [{ kind: 'Service' }] } };
  const kept = bed([policy]);
  using _kept = kept.connect();
  kept.see('NodePort');
  const elsewhere = bed();
  using _elsewhere = elsewhere.connect();
  elsewhere.see('NodePort', 'other');
  expect([...kept.said, ...elsewhere.said]).toEqual([]);
});
