import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PodStrategy, SelectorTerm } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { applyPatch } from './apply-patch.fixture.ts';
import type { NodeTerm } from './node-terms.ts';
import { admitPod } from './pod-admission.ts';

const GOLD: SelectorTerm[] = [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['gold'] }] }];
const TWO: SelectorTerm[] = [...GOLD, { matchExpressions: [{ key: 'zone', operator: 'Exists' }] }];

function pod(spec: object = {}, annotations: Record<string, string> = {}): Pod {
  return { metadata: { name: 'web', namespace: 'shop', annotations }, spec: { containers: [], ...spec } } as Pod;
}

function required(nodeSelectorTerms: NodeTerm[], more: object = {}): object {
  return {
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms }, ...more } },
  };
}

/** The pod as it is stored after admission. */
function admitted(before: Pod, strategy: PodStrategy, selector?: SelectorTerm[]): Pod {
  const response = admitPod(before, strategy, selector);
  expect(response.allowed).toBe(true);
  return applyPatch(before, response.patch ?? []);
}

/** One line a term, so that a failure reads as a diff of what the scheduler sees. */
function terms(from: Pod): string[] | undefined {
  const list = from.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return list?.map(({ matchExpressions = [], matchFields = [] }) =>
    [...matchExpressions, ...matchFields]
      .map(({ key, operator, values = [] }) => [key, operator, ...values].join(' '))
      .join(' & '),
  );
}

describe('admitPod', () => {
  test('REF-14 LocalAndRemote without selector adds the toleration and nothing else', () => {
    const before = pod({ tolerations: [{ key: 'a', operator: 'Exists' }] });
    expect(admitted(before, 'LocalAndRemote').spec).toEqual({
      containers: [],
      tolerations: [
        { key: 'a', operator: 'Exists' },
        { key: 'tombolo.io/virtual-node', operator: 'Exists', effect: 'NoSchedule' },
      ],
    });
  });

  test('REF-15 LocalAndRemote with a selector allows its nodes or those that are not virtual', () => {
    expect(terms(admitted(pod(), 'LocalAndRemote', GOLD))).toEqual(['tier In gold', 'type NotIn virtual-kubelet']);
  });

  test('REF-16 Remote demands a virtual node of the selector', () => {
    expect(terms(admitted(pod(), 'Remote'))).toEqual(['type In virtual-kubelet']);
    expect(terms(admitted(pod(), 'Remote', TWO))).toEqual([
      'type In virtual-kubelet & tier In gold',
      'type In virtual-kubelet & zone Exists',
    ]);
  });

  test('REF-17 Local leaves the pod as it is', () => {
    expect(admitPod(pod(), 'Local', GOLD).patch ?? []).toEqual([]);
  });

  test('REF-18 existing terms are crossed with the added ones; fields, preferred terms and nodeSelector stay', () => {
    const preferred = [{ weight: 1, preference: { matchExpressions: [{ key: 'p', operator: 'Exists' }] } }];
    const before = pod({
      nodeSelector: { c: 'd' },
      ...required(
        [
          { matchExpressions: [{ key: 'a', operator: 'Exists' }] },
          { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] },
        ],
        { preferredDuringSchedulingIgnoredDuringExecution: preferred },
      ),
    });
    const after = admitted(before, 'LocalAndRemote', GOLD);
    expect(terms(after)).toEqual([
      'a Exists & tier In gold',
      'a Exists & type NotIn virtual-kubelet',
      'tier In gold & metadata.name In n',
      'type NotIn virtual-kubelet & metadata.name In n',
    ]);
    expect(after.spec?.nodeSelector).toEqual({ c: 'd' });
    expect(after.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution).toEqual(preferred);
  });

  test('an empty term, which matches no node, is not widened', () => {
    expect(terms(admitted(pod(required([{}])), 'Remote'))).toEqual(['']);
  });

  test('REF-19 the annotation overrides the namespace both ways, and a wrong value is denied by name', () => {
    const annotation = (value: string) => pod({}, { 'tombolo.io/pod-strategy': value });
    expect(admitPod(annotation('Local'), 'Remote', undefined).patch ?? []).toEqual([]);
    expect(terms(admitted(annotation('Remote'), 'Local'))).toEqual(['type In virtual-kubelet']);
    const wrong = admitPod(annotation('Sometimes'), 'Remote', undefined);
    expect(wrong.allowed).toBe(false);
    expect(wrong.status?.message).toBe(
      'annotation tombolo.io/pod-strategy is “Sometimes”, but must be one of LocalAndRemote, Remote, Local',
    );
  });

  test('NODE-12 pods of a DaemonSet, and mirror pods, are left alone', () => {
    const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'd', uid: 'u', controller: true };
    const daemon = pod();
    daemon.metadata.ownerReferences = [owner];
    expect(admitPod(daemon, 'Remote', undefined).patch ?? []).toEqual([]);
    expect(admitPod(pod({}, { 'kubernetes.io/config.mirror': 'x' }), 'Remote', undefined).patch ?? []).toEqual([]);
  });

  test('a pod that tolerates everything gets no second toleration', () => {
    const tolerations = [{ operator: 'Exists' }];
    expect(admitted(pod({ tolerations }), 'LocalAndRemote').spec?.tolerations).toEqual(tolerations);
  });

  test('REF-18 whatever the terms are, doing it twice changes nothing more', () => {
    const requirement = fc.record({
      key: fc.constantFrom('type', 'tier', 'zone'),
      operator: fc.constant('In'),
      values: fc.uniqueArray(fc.constantFrom('virtual-kubelet', 'gold', 'x'), { minLength: 1 }),
    });
    const term = fc.record({ matchExpressions: fc.array(requirement, { maxLength: 3 }) });
    const existing = fc.option(fc.array(term, { minLength: 1, maxLength: 3 }), { nil: undefined });
    const selector = fc.option(
      fc.array(fc.record({ matchExpressions: fc.array(requirement, { minLength: 1, maxLength: 2 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      { nil: undefined },
    );
    fc.assert(
      fc.property(
        existing,
        selector,
        fc.constantFrom<PodStrategy>('LocalAndRemote', 'Remote', 'Local'),
        (have, want, strategy) => {
          const once = admitted(pod(have === undefined ? {} : required(have)), strategy, want);
          expect(admitted(once, strategy, want)).toEqual(once);
        },
      ),
    );
  });
});
