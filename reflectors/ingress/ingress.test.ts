import { describe, expect, test } from 'vitest';
import type { Ingress } from '#pkg/kube';
import { ingressReflector } from './index.ts';

const never = () => ({ [Symbol.dispose]() {} });

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
    const twin = ingressReflector(() => 'offered', never).toTwin(local);
    expect(twin?.fields).toEqual({ spec: { ...spec, ingressClassName: 'offered' } });
    expect(twin?.dropKeys).toEqual(['kubernetes.io/ingress.class']);
  });

  test('is none without an offer, and follows the offer', () => {
    let offer: string | undefined;
    const reflector = ingressReflector(() => offer, never);
    expect(reflector.toTwin(local)).toBeUndefined();
    offer = 'offered';
    expect(reflector.toTwin(local)).toBeDefined();
  });
});
