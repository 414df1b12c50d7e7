import { describe, expect, test } from 'vitest';
import type { Ingress } from '#pkg/kube';
import { homeStatus, ingressReflector } from './index.ts';

const spec: Ingress['spec'] = {
  ingressClassName: 'home-class',
  tls: [{ hosts: ['shop.example.com'], secretName: 'shop-tls' }],
  defaultBackend: { service: { name: 'web', port: { name: 'http' } } },
  rules: [
    {
      host: 'shop.example.com',
      http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] },
    },
  ],
};
const local: Ingress = { metadata: { name: 'shop', namespace: 'shop' }, spec };

describe('the twin of an Ingress', () => {
  test('has the class that the provider offers, by whatever means home has named its own', () => {
    const twin = ingressReflector(() => 'offered').toTwin(local);
    expect(twin?.fields).toEqual({ spec: { ...spec, ingressClassName: 'offered' } });
    expect(twin?.dropKeys).toEqual(['kubernetes.io/ingress.class']);
  });

  test('is none without an offer, and follows the offer', () => {
    let offer: string | undefined;
    const reflector = ingressReflector(() => offer);
    expect(reflector.toTwin(local)).toBeUndefined();
    offer = 'offered';
    expect(reflector.toTwin(local)).toBeDefined();
  });
});

describe('the status at home', () => {
  const at = (...ips: string[]): Ingress => ({
    ...local,
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  });

  test.each([
    ['is that of the twin', at(), at('203.0.113.1'), undefined, [{ ip: '203.0.113.1' }]],
    ['follows the twin', at('203.0.113.1'), at('203.0.113.2'), [{ ip: '203.0.113.1' }], [{ ip: '203.0.113.2' }]],
    ['is emptied when the twin is gone', at('203.0.113.1'), undefined, [{ ip: '203.0.113.1' }], []],
    ['needs no write where it is equal', at('203.0.113.1'), at('203.0.113.1'), [{ ip: '203.0.113.1' }], undefined],
    ['needs no write where neither has one', local, local, undefined, undefined],
    ['of a controller at home stays', at('192.0.2.1'), at('203.0.113.1'), undefined, undefined],
    ['of a controller at home stays, also over ours', at('192.0.2.1'), undefined, [{ ip: '203.0.113.1' }], undefined],
  ])('%s', (_, home, twin, written, expected) => {
    expect(homeStatus(home, twin, written)).toEqual(expected);
  });
});
