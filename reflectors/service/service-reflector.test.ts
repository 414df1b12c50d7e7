import { describe, expect, test } from 'vitest';
import { NO_OFFERS, type Offers } from '#pkg/api';
import type { Service } from '#pkg/kube';
import { notReflected, serviceReflector as reflectorOf } from './index.ts';

const service = (spec: NonNullable<Service['spec']>, name = 'web', namespace = 'shop'): Service => ({
  metadata: { name, namespace },
  spec,
  status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
});
const serviceReflector = reflectorOf({
  offers: () => NO_OFFERS,
  onOffers: () => ({ [Symbol.dispose]() {} }),
});
const withOffers = (offers: Offers) =>
  reflectorOf({ offers: () => offers, onOffers: () => ({ [Symbol.dispose]() {} }) });
const twin = (spec: NonNullable<Service['spec']>) => serviceReflector.toTwin(service(spec))?.fields;

describe('the twin of a Service', () => {
  test('has ports, selector, affinity with its time-out and policies of home, and no address of home', () => {
    const same = {
      selector: { app: 'web' },
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 77 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
      publishNotReadyAddresses: true,
      ports: [
        { name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' as const, appProtocol: 'kubernetes.io/h2c' },
      ],
    };
    const addresses = {
      clusterIP: '10.96.3.4',
      clusterIPs: ['10.96.3.4'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      externalIPs: ['203.0.113.9'],
    };
    expect(twin({ type: 'ClusterIP', ...same, ...addresses })).toEqual({ spec: { type: 'ClusterIP', ...same } });
  });

  test('tells the provider which endpoints its owner prefers, and nothing where that is none or no affinity', () => {
    const labels = (word: string | undefined) => {
      const local = service({ selector: { app: 'web' } });
      const annotations = word === undefined ? {} : { 'tombolo.io/service-affinity': word };
      return serviceReflector.toTwin({ ...local, metadata: { ...local.metadata, annotations } })?.labels;
    };
    expect(labels('local')).toEqual({ 'tombolo.io/service-affinity': 'local' });
    expect(labels('remote')).toEqual({ 'tombolo.io/service-affinity': 'remote' });
    for (const word of [undefined, 'none', 'Local', '']) expect(labels(word)).toBeUndefined();
  });

  test('stays headless', () => {
    const spec = { clusterIP: 'None', clusterIPs: ['None'], selector: { app: 'db' }, ports: [{ port: 5432 }] };
    expect(twin(spec)).toEqual({
      spec: { type: 'ClusterIP', clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 5432 }] },
    });
    // An API server takes `clusterIP: None` back from nobody, without a word.
    expect(serviceReflector.toTwin(service(spec))?.shape).toBe('headless');
    expect(serviceReflector.toTwin(service({}))?.shape).toBeUndefined();
  });

  test('keeps an external name', () => {
    expect(twin({ type: 'ExternalName', externalName: 'db.example.com', sessionAffinity: 'None' })).toEqual({
      spec: { type: 'ExternalName', externalName: 'db.example.com', sessionAffinity: 'None' },
    });
  });

  test('of a node port or load balancer is a ClusterIP without what belongs to those', () => {
    for (const type of ['NodePort', 'LoadBalancer']) {
      const spec = {
        type,
        ports: [{ port: 80, nodePort: 30080 }],
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 32000,
        loadBalancerClass: 'example.com/lb',
        loadBalancerIP: '203.0.113.2',
        loadBalancerSourceRanges: ['203.0.113.0/24'],
        allocateLoadBalancerNodePorts: true,
      };
      expect(twin(spec)).toEqual({ spec: { type: 'ClusterIP', ports: [{ port: 80 }] } });
    }
  });

  test('of a node port is one where node ports are offered, under the number of home only where that is wanted', () => {
    const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }], externalTrafficPolicy: 'Local' };
    const { toTwin } = withOffers({ nodePorts: true });
    const plain = { spec: { type: 'NodePort', ports: [{ port: 80 }] } };
    expect(toTwin(service(spec))).toEqual({ fields: plain });
    const wanting = service(spec);
    wanting.metadata.annotations = { 'tombolo.io/keep-node-port': 'true' };
    expect(toTwin(wanting)).toEqual({
      fields: { spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] } },
      fallback: plain,
    });
    expect(serviceReflector.toTwin(wanting)?.fallback).toBeUndefined();
  });

  test('of a load balancer has the class that is offered, and lets in whom home lets in', () => {
    const spec = {
      type: 'LoadBalancer',
      ports: [{ port: 80, nodePort: 30080 }],
      loadBalancerClass: 'home.example/lb',
      loadBalancerSourceRanges: ['203.0.113.0/24'],
      allocateLoadBalancerNodePorts: true,
    };
    const there = { type: 'LoadBalancer', ports: [{ port: 80 }], loadBalancerSourceRanges: ['203.0.113.0/24'] };
    const offered = (loadBalancerClass: string) =>
      withOffers({ nodePorts: false, loadBalancerClass }).toTwin(service(spec))?.fields;
    expect(offered('example.com/lb')).toEqual({ spec: { ...there, loadBalancerClass: 'example.com/lb' } });
    expect(offered('')).toEqual({ spec: there });
  });

  test('does not exist for the API server, and does for another Service of that name', () => {
    const spec = { ports: [{ port: 443 }] };
    expect(serviceReflector.toTwin(service(spec, 'kubernetes', 'default'))).toBeUndefined();
    expect(serviceReflector.toTwin(service(spec, 'kubernetes', 'shop'))).toBeDefined();
    expect(serviceReflector.toTwin(service(spec, 'web', 'default'))).toBeDefined();
  });
});

test('what a copy lacks is a sentence, and nothing where it lacks nothing', () => {
  const lacks = (spec: NonNullable<Service['spec']>, offers = NO_OFFERS) => notReflected(service(spec), offers);
  expect(lacks({ type: 'ClusterIP' })).toBeUndefined();
  expect(lacks({ type: 'ExternalName', externalName: 'x' })).toBeUndefined();
  expect(lacks({ type: 'NodePort' }, { nodePorts: true })).toBeUndefined();
  expect(lacks({ type: 'LoadBalancer' }, { nodePorts: true })).toMatch(
    /^its copy is of type ClusterIP instead of Load/,
  );
  expect(lacks({ type: 'LoadBalancer', externalIPs: ['203.0.113.9'] })).toBe(
    'its copy is of type ClusterIP instead of LoadBalancer and without externalIPs: it is reached inside that cluster only',
  );
});
