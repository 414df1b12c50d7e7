import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PodResources, podDemand } from './pod-demand.ts';
import { formatAmounts } from './resource-list.ts';

const cpu = (milli: number, restartPolicy?: string) => ({
  restartPolicy,
  resources: { requests: { cpu: `${milli}m` } },
});
const demand = (pod: PodResources) => formatAmounts(podDemand(pod));

test('NODE-33 the sum of containers and sidecars, or the greatest init step if that is more, plus overhead and one pod', () => {
  const pod = {
    initContainers: [cpu(100, 'Always'), cpu(900), cpu(50, 'Always')],
    containers: [cpu(300), cpu(200)],
    overhead: { cpu: '10m' },
  };
  expect(demand(pod)).toEqual({ cpu: '1010m', pods: '1' });
  expect(demand({ ...pod, containers: [cpu(2000)] })).toEqual({ cpu: '2160m', pods: '1' });
});

test('NODE-33 a missing request is the limit', () => {
  const pod = { containers: [{ resources: { limits: { memory: '1Gi', cpu: '2' }, requests: { cpu: '1' } } }] };
  expect(demand(pod)).toEqual({ cpu: '1', memory: '1Gi', pods: '1' });
});

test('each resource has its own greatest step', () => {
  const step = (milli: string, memory: string) => ({ resources: { requests: { cpu: milli, memory } } });
  const pod = { initContainers: [step('3', '1Mi'), step('1m', '1Gi')], containers: [step('1', '1Mi')] };
  expect(demand(pod)).toEqual({ cpu: '3', memory: '1Gi', pods: '1' });
});

test('a pod that asks for nothing is one pod', () => {
  expect(demand({})).toEqual({ pods: '1' });
  expect(demand({ containers: [{}, { resources: {} }] })).toEqual({ pods: '1' });
});

test('a request that is no quantity is refused with the name of its resource', () => {
  expect(() => podDemand({ containers: [{ resources: { requests: { cpu: 'much' } } }] })).toThrow(/cpu: “much”/);
});

describe('resources of the whole pod (KEP-2837)', () => {
  const containers = [cpu(300), cpu(200)];

  test('a request stands for those of the containers, overhead comes on top', () => {
    const pod = { containers, resources: { requests: { cpu: '2', memory: '1Gi' } }, overhead: { cpu: '1' } };
    expect(demand(pod)).toEqual({ cpu: '3', memory: '1Gi', pods: '1' });
  });

  test('a limit alone counts only where no container asks', () => {
    expect(demand({ containers, resources: { limits: { cpu: '4', memory: '1Gi' } } })).toEqual({
      cpu: '500m',
      memory: '1Gi',
      pods: '1',
    });
  });

  test('huge pages cannot be overcommitted: their limit is what the pod gets', () => {
    const huge = { resources: { limits: { 'hugepages-2Mi': '4Mi' } } };
    expect(demand({ containers: [huge], resources: { limits: { 'hugepages-2Mi': '8Mi' } } })).toEqual({
      'hugepages-2Mi': '8Mi',
      pods: '1',
    });
  });

  test('other resources cannot be set there', () => {
    expect(demand({ containers, resources: { requests: { 'example.com/gpu': '1' } } })).toEqual({
      cpu: '500m',
      pods: '1',
    });
  });
});

test('equals the peak of running the pod step by step', () => {
  const container = fc.record({ milli: fc.nat(1000), sidecar: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(container, { maxLength: 6 }),
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }),
      fc.nat(100),
      (init, main, overhead) => {
        let held = 0;
        let peak = 0;
        for (const { milli, sidecar } of init) {
          peak = Math.max(peak, held + milli);
          if (sidecar) held += milli;
        }
        peak = Math.max(peak, held + main.reduce((sum, milli) => sum + milli, 0));
        const counted = podDemand({
          initContainers: init.map(({ milli, sidecar }) => cpu(milli, sidecar ? 'Always' : undefined)),
          containers: main.map((milli) => cpu(milli)),
          overhead: { cpu: `${overhead}m` },
        });
        expect(counted.get('cpu')).toBe(BigInt(peak + overhead) * 1_000_000n);
      },
    ),
  );
});
