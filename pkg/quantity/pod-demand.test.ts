import fc from 'fast-check';
import { expect, test } from 'vitest';
import { podDemand } from './pod-demand.ts';
import { formatAmounts } from './resource-list.ts';

const cpu = (milli: number, restartPolicy?: string) => ({
  restartPolicy,
  resources: { requests: { cpu: `${milli}m` } },
});

test('NODE-33 the sum of containers and sidecars, or the greatest init step if that is more, plus overhead and one pod', () => {
  const pod = {
    initContainers: [cpu(100, 'Always'), cpu(900), cpu(50, 'Always')],
    containers: [cpu(300), cpu(200)],
    overhead: { cpu: '10m' },
  };
  expect(formatAmounts(podDemand(pod))).toEqual({ cpu: '1010m', pods: '1' });
});

test('NODE-33 a missing request is the limit', () => {
  const pod = { containers: [{ resources: { limits: { memory: '1Gi', cpu: '2' }, requests: { cpu: '1' } } }] };
  expect(formatAmounts(podDemand(pod))).toEqual({ cpu: '1', memory: '1Gi', pods: '1' });
});

test('equals the peak of running the pod step by step', () => {
  const container = fc.record({ milli: fc.nat(1000), sidecar: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(container, { maxLength: 6 }),
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 4 }),
      (init, main) => {
        let held = 0;
        let peak = 0;
        for (const { milli, sidecar } of init) {
          peak = Math.max(peak, held + milli);
          if (sidecar) held += milli;
        }
        peak = Math.max(peak, held + main.reduce((sum, milli) => sum + milli, 0));
        const demand = podDemand({
          initContainers: init.map(({ milli, sidecar }) => cpu(milli, sidecar ? 'Always' : undefined)),
          containers: main.map((milli) => cpu(milli)),
        });
        expect(demand.get('cpu')).toBe(BigInt(peak) * 1_000_000n);
      },
    ),
  );
});
