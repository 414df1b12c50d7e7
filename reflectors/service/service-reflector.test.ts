import { describe, expect, test } from 'vitest';
import type { Service } from '#pkg/kube';
import { notReflected, serviceReflector } from './index.ts';

const service = (spec: NonNullable<Service['spec']>, name = 'web', namespace = 'shop'): Service => ({
  metadata: { name, namespace },
  spec,
  status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
});
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

  test('does not exist for the API server, and does for another Service of that name', () => {
    const spec = { ports: [{ port: 443 }] };
    expect(serviceReflector.toTwin(service(spec, 'kubernetes', 'default'))).toBeUndefined();
    expect(serviceReflector.toTwin(service(spec, 'kubernetes', 'shop'))).toBeDefined();
    expect(serviceReflector.toTwin(service(spec, 'web', 'default'))).toBeDefined();
  });
});

test('what a copy lacks is a sentence, and nothing where it lacks nothing', () => {
  expect(notReflected(service({ type: 'ClusterIP' }))).toBeUndefined();
  expect(notReflected(service({ type: 'ExternalName', externalName: 'x' }))).toBeUndefined();
  expect(notReflected(service({ type: 'LoadBalancer', externalIPs: ['203.0.113.9'] }))).toBe(
    'its copy is of type ClusterIP instead of LoadBalancer and without externalIPs: it is reached inside that cluster only',
  );
});
