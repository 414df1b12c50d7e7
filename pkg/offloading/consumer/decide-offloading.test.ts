import { describe, expect, test } from 'vitest';
import type { Offloading } from '#pkg/api';
import type { Namespace } from '#pkg/kube';
import { LABEL_REMOVED, MADE_BY_LABEL } from '../label-removal.ts';
import { decideOffloading } from './decide-offloading.ts';

const NOW = new Date('2026-01-01T00:01:00Z');
const ago = (ms: number) => new Date(NOW.getTime() - ms).toISOString();

function namespace(labels: Record<string, string>, more: object = {}): Namespace {
  return { metadata: { name: 'shop', labels, ...more } };
}
const LABELLED = namespace({ 'tombolo.io/offload': 'true' });
const PLAIN = namespace({});

interface Parts {
  annotations?: Record<string, string>;
  finalizer?: boolean;
  isJoined?: boolean;
  isDeleted?: boolean;
  generation?: number;
}
function offloading({
  annotations = {},
  finalizer = true,
  isJoined = true,
  isDeleted = false,
  generation = 1,
}: Parts = {}): Offloading {
  return {
    metadata: {
      name: 'offloading',
      namespace: 'shop',
      annotations,
      generation,
      finalizers: finalizer ? ['tombolo.io/offloading'] : [],
      ...(isDeleted && { deletionTimestamp: NOW.toISOString() }),
    },
    spec: {},
    ...(isJoined && { status: { summary: 'AllReady' } }),
  };
}
const next = (from: Namespace, object?: Offloading) => decideOffloading(from, object, NOW);

describe('decideOffloading', () => {
  test('the label alone makes the object; the object alone brings the label', () => {
    expect(next(LABELLED)).toEqual({ do: 'create' });
    expect(next(PLAIN, offloading({ isJoined: false }))).toEqual({ do: 'label' });
    expect(next(PLAIN)).toEqual({ do: 'clear' });
    expect(next(namespace({ 'tombolo.io/offload': 'false' }))).toEqual({ do: 'clear' });
  });

  test('an object that the label made waits 2 s for a user’s own one, unless somebody has changed it', () => {
    const fresh = { isJoined: false, annotations: { [MADE_BY_LABEL]: ago(500) } };
    expect(next(LABELLED, offloading(fresh))).toEqual({ do: 'wait', ms: 1500 });
    expect(next(LABELLED, offloading({ ...fresh, generation: 2 }))).toEqual({ do: 'run' });
    expect(next(LABELLED, offloading({ isJoined: false, annotations: { [MADE_BY_LABEL]: ago(2000) } }))).toEqual({
      do: 'run',
    });
    expect(next(LABELLED, offloading({ isJoined: false }))).toEqual({ do: 'run' });
  });

  test('nothing runs before the finalizer stands', () => {
    expect(next(LABELLED, offloading({ finalizer: false, isJoined: false }))).toEqual({ do: 'addFinalizer' });
    expect(next(LABELLED, offloading({ finalizer: false }))).toEqual({ do: 'addFinalizer' });
  });

  test('a label that is removed ends it after a second; one that returns at once does not', () => {
    expect(next(PLAIN, offloading())).toEqual({ do: 'noteLabelRemoval' });
    expect(next(PLAIN, offloading({ annotations: { [LABEL_REMOVED]: ago(400) } }))).toEqual({ do: 'wait', ms: 600 });
    expect(next(LABELLED, offloading({ annotations: { [LABEL_REMOVED]: ago(400) } }))).toEqual({
      do: 'forgetLabelRemoval',
    });
    expect(next(PLAIN, offloading({ annotations: { [LABEL_REMOVED]: ago(1000) } }))).toEqual({ do: 'delete' });
  });

  test('a deleted object takes the label along once; a label set again meanwhile belongs to the next one', () => {
    expect(next(LABELLED, offloading({ isDeleted: true }))).toEqual({ do: 'removeLabel' });
    const noted = offloading({ isDeleted: true, annotations: { [LABEL_REMOVED]: ago(10) } });
    expect(next(PLAIN, noted)).toEqual({ do: 'end' });
    expect(next(LABELLED, noted)).toEqual({ do: 'end' });
  });

  test('reserved namespaces are refused; in a namespace that is deleted nothing is begun', () => {
    const twin = namespace({ 'tombolo.io/offload': 'true', 'tombolo.io/origin': 'turin' });
    expect(next(twin)).toMatchObject({ do: 'refuse', why: expect.stringContaining('twin') });
    const going = namespace({ 'tombolo.io/offload': 'true' }, { deletionTimestamp: NOW.toISOString() });
    expect(next(going)).toEqual({ do: 'clear' });
  });

  test('a clock that is ahead of the one that wrote the annotation never makes it wait longer', () => {
    const future = { [MADE_BY_LABEL]: new Date(NOW.getTime() + 3600_000).toISOString() };
    expect(next(LABELLED, offloading({ isJoined: false, annotations: future }))).toEqual({ do: 'wait', ms: 2000 });
  });
});
