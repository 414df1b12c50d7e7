import { expect, test } from 'vitest';
import { HOME_HASH, homeHash } from './applied.ts';
import { livePodPatch, wrapperPatch } from './live-update.ts';
import { CONTEXT, localPod, remotePod, wrapperOf } from './test-pods.ts';
import { toRemotePod } from './to-remote.ts';
import type { PodSpec } from './pod-types.ts';

/** The remote pod as it was made from `local`, with changes on top. */
const madeFrom = (local: ReturnType<typeof localPod>, spec: Partial<PodSpec> = {}) => {
  const made = toRemotePod(local, CONTEXT);
  return remotePod({ metadata: made.metadata, spec: { ...made.spec, ...spec } });
};
const once = { restartPolicy: 'Never' };

test('a pod that did not change needs no patch', () => {
  const local = localPod();
  expect(livePodPatch(local, madeFrom(local), CONTEXT)).toBeUndefined();
  expect(wrapperPatch(local, wrapperOf({ annotations: { [HOME_HASH]: homeHash(local) } }), CONTEXT)).toBeUndefined();
});

test('POD-59 a new image goes to that container of the living pod, and into the template', () => {
  const local = localPod({
    spec: {
      containers: [
        { name: 'side', image: 's:1' },
        { name: 'app', image: 'web:2' },
      ],
    },
  });
  const there = madeFrom(local, {
    containers: [
      { name: 'side', image: 's:1' },
      { name: 'app', image: 'web:1' },
    ],
  });
  expect(livePodPatch(local, there, CONTEXT)?.slice(1)).toEqual([
    { op: 'test', path: '/spec/containers/1/name', value: 'app' },
    { op: 'replace', path: '/spec/containers/1/image', value: 'web:2' },
  ]);
  const [, template] = wrapperPatch(local, wrapperOf({ annotations: { [HOME_HASH]: 'older' } }), CONTEXT) ?? [];
  expect(template).toMatchObject({ path: '/spec/template', value: { spec: { containers: local.spec?.containers } } });
});

test('POD-60 POD-61 an added toleration is appended once to those that stand there', () => {
  const added = { key: 'lent', operator: 'Exists' };
  const theirs = { key: 'theirs' };
  const tolerant = localPod({ spec: { ...once, tolerations: [added] } });
  expect(livePodPatch(tolerant, madeFrom(tolerant, { tolerations: [theirs] }), CONTEXT)?.slice(1)).toEqual([
    { op: 'test', path: '/spec/tolerations', value: [theirs] }, // sent again, it finds two and is refused
    { op: 'add', path: '/spec/tolerations/-', value: added },
  ]);
  expect(livePodPatch(tolerant, madeFrom(tolerant, { tolerations: [theirs, added] }), CONTEXT)).toBeUndefined();
});

test('POD-60 a deadline only ever becomes shorter', () => {
  const deadline = (here: number | undefined, there: number | undefined) => {
    const local = localPod({ spec: { ...once, ...(here !== undefined && { activeDeadlineSeconds: here }) } });
    const { activeDeadlineSeconds: _made, ...spec } = madeFrom(local).spec ?? { containers: [] };
    const remote = {
      ...madeFrom(local),
      spec: { ...spec, ...(there !== undefined && { activeDeadlineSeconds: there }) },
    };
    return livePodPatch(local, remote, CONTEXT)?.slice(1);
  };
  const set = (value: number) => [{ op: 'add', path: '/spec/activeDeadlineSeconds', value }];
  expect([deadline(60, undefined), deadline(60, 600), deadline(600, 60), deadline(undefined, 60)]).toEqual([
    set(60),
    set(60),
    undefined,
    undefined,
  ]);
});

test('a pod that lost its wrapper to a deadline gets the owner of bare pods', () => {
  const local = localPod({ spec: { activeDeadlineSeconds: 60 } });
  const orphan = madeFrom(local);
  delete orphan.metadata.ownerReferences;
  expect(livePodPatch(local, orphan, CONTEXT)?.slice(1)).toEqual([
    {
      op: 'add',
      path: '/metadata/ownerReferences',
      value: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'tombolo-twin', uid: 'owner-1', controller: true }],
    },
  ]);
  // Its ReplicaSet still stands there until it has been orphaned: two controllers are not allowed.
  orphan.metadata.ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'r', controller: true },
  ];
  expect(livePodPatch(local, orphan, CONTEXT)).toBeUndefined();
});
