import { expect, test } from 'vitest';
import { askedOf, leftOutKeys, resizePatch } from './asked.ts';
import { containerStatus, localPod, remotePod } from './test-pods.ts';

const NONE = new Set<string>();
const sized = (cpu: string, more: object = {}) => ({
  containers: [{ name: 'app', image: 'web:1', resources: { requests: { cpu, memory: '64Mi' }, ...more } }],
});

test('POD-10 keys of the node that the grant lacks are left out, all others stay', () => {
  const leftOut = leftOutKeys(['example.com/gpu', 'x.test/y'], { cpu: '4', 'example.com/gpu': '1' });
  expect(leftOut).toEqual(new Set(['x.test/y']));
  const resources = {
    requests: { cpu: '1', 'example.com/gpu': '1', 'x.test/y': '2', 'other.test/z': '1' },
    limits: { 'example.com/gpu': '1', 'x.test/y': '2' },
  };
  const local = localPod({ spec: { containers: [{ name: 'app', image: 'a', resources }] } });
  expect(askedOf(local, undefined, leftOut).wanted.spec?.containers[0]?.resources).toEqual({
    requests: { cpu: '1', 'example.com/gpu': '1', 'other.test/z': '1' },
    limits: { 'example.com/gpu': '1' },
  });
});

test('nothing is left out while the grant is unknown', () => {
  expect(leftOutKeys(['x.test/y'], undefined).size).toBe(0);
});

test('a pod that nothing is to be changed about is the very same object', () => {
  const local = localPod({ spec: sized('1') });
  const { wanted, standing } = askedOf(local, remotePod({ spec: sized('1000m') }), NONE);
  expect(wanted).toBe(local);
  expect(standing).toBe(local);
});

test('POD-63 a size that differs is a resize of what differs; what defaults there have added is none', () => {
  const remote = remotePod({ spec: sized('1', { limits: { cpu: '4' } }) });
  const asked = askedOf(localPod({ spec: sized('2') }), remote, NONE);
  expect(resizePatch(asked)).toEqual({
    containers: [{ name: 'app', resources: { requests: { cpu: '2', memory: '64Mi' } } }],
  });
  expect(asked.standing.spec?.containers[0]?.resources).toEqual({ requests: { cpu: '1', memory: '64Mi' } });
  expect(resizePatch(askedOf(localPod({ spec: sized('1') }), remote, NONE))).toBeUndefined();
});

test('an amount that is new is a resize, and what is made again meanwhile is made without it', () => {
  const asked = askedOf(
    localPod({ spec: sized('1', { limits: { cpu: '2' } }) }),
    remotePod({ spec: sized('1') }),
    NONE,
  );
  expect(resizePatch(asked)?.containers?.[0]?.resources?.limits).toEqual({ cpu: '2' });
  expect(asked.standing.spec?.containers[0]?.resources?.limits).toEqual({});
});

test('sidecars are resized, other init containers are not', () => {
  const init = (cpu: string) => [
    { name: 'first', image: 'a', resources: { requests: { cpu } } },
    { name: 'side', image: 'a', restartPolicy: 'Always', resources: { requests: { cpu } } },
  ];
  const local = localPod({ spec: { initContainers: init('2') } });
  expect(resizePatch(askedOf(local, remotePod({ spec: { initContainers: init('1') } }), NONE))).toEqual({
    initContainers: [{ name: 'side', resources: { requests: { cpu: '2' } } }],
  });
});

test('without a remote pod the last size shown counts while a resize waits', () => {
  const status = (conditions: { type: string; status: string }[]) => ({
    phase: 'Running',
    conditions,
    containerStatuses: [containerStatus({ resources: { requests: { cpu: '1', memory: '64Mi' } } } as object)],
  });
  const waits = localPod({ spec: sized('9'), status: status([{ type: 'PodResizePending', status: 'True' }]) });
  const cpuOf = (local: typeof waits) =>
    askedOf(local, undefined, NONE).standing.spec?.containers[0]?.resources?.requests?.['cpu'];
  expect(cpuOf(waits)).toBe('1');
  expect(cpuOf(localPod({ spec: sized('9'), status: status([]) }))).toBe('9');
});
