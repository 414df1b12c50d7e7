import { expect, test } from 'vitest';
import type { ReflectionPolicy } from '#pkg/api';
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
  const notices = serviceNotices({
    peer: 'rome',
    policies: { list: () => policies },
    events: { event: ({ metadata, kind }, type, reason) => said.push(`${type} ${reason} ${kind}/${metadata.name}`) },
  });
  const services = {
    on(handler: InformerHandler<KubeObject>) {
      handlers.add(handler);
      return { [Symbol.dispose]: () => void handlers.delete(handler) };
    },
  };
  return {
    said,
    connect: () => notices.follow(services, twins),
    see(type: string, namespace = 'shop') {
      const service: Service = { metadata: { name: 'web', namespace, uid: `uid-${namespace}` }, spec: { type } };
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
