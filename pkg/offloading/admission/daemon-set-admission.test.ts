import { expect, test } from 'vitest';
import type { DaemonSet } from '#pkg/kube';
import { applyPatch } from './apply-patch.fixture.ts';
import { admitDaemonSet } from './daemon-set-admission.ts';

function daemonSet(image: string, labels: Record<string, string> = {}): DaemonSet {
  const spec = { tolerations: [{ operator: 'Exists' }], containers: [{ name: 'a', image }] };
  return {
    metadata: { name: 'd', namespace: 'default', labels },
    spec: { selector: {}, template: { spec } },
  } as DaemonSet;
}

const after = (set: DaemonSet, old?: DaemonSet) => applyPatch(set, admitDaemonSet(set, old, false).patch ?? []);

test('NODE-10 outside offloaded namespaces a DaemonSet is kept off virtual nodes, once', () => {
  const once = after(daemonSet('a'));
  expect(once.spec?.template.spec?.affinity).toEqual({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'type', operator: 'NotIn', values: ['virtual-kubelet'] }] }],
      },
    },
  });
  expect(after(once)).toEqual(once);
});

test('NODE-10 the label opts out, and offloaded namespaces are left alone', () => {
  expect(admitDaemonSet(daemonSet('a', { 'tombolo.io/allow-virtual': 'true' }), undefined, false).patch ?? []).toEqual(
    [],
  );
  expect(admitDaemonSet(daemonSet('a'), undefined, true).patch ?? []).toEqual([]);
});

test('an update that leaves the template alone restarts no pod; one that changes it is kept off too', () => {
  const old = daemonSet('a');
  expect(admitDaemonSet({ ...daemonSet('a', { more: 'labels' }) }, old, false).patch ?? []).toEqual([]);
  expect(admitDaemonSet(daemonSet('b'), old, false).patch).toHaveLength(1);
  // An apply without our affinity gets it back, so that the template is what it was.
  expect(after(daemonSet('a'), after(old)).spec?.template).toEqual(after(old).spec?.template);
});
