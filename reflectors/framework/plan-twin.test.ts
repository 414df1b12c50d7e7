import { expect, test } from 'vitest';
import { CONFIG_MAP, type KubeObject } from '#pkg/kube';
import { adoptCreatedFields } from './managed-fields.ts';
import { type Applied, planTwin } from './plan-twin.ts';
import { defineReflector, pick } from './reflector.ts';
import { fingerprint, twinObject } from './twin-object.ts';

const reflector = defineReflector({ resource: CONFIG_MAP, toTwin: (local) => ({ fields: pick(local, 'data') }) });
const options = { origin: 'milan', namespace: 'shop-milan', denyPrefixes: [] };
const twinOf = (data: Record<string, string>) => {
  const local = { metadata: { name: 'settings', namespace: 'shop', uid: 'u', resourceVersion: '3' }, data };
  const twin = twinObject(reflector, local, options);
  if (twin === undefined) throw new Error('copied by default');
  return twin;
};
const wanted = twinOf({ a: '1' });
const standing = (resourceVersion: string) => ({ metadata: { ...wanted.metadata, uid: 't', resourceVersion } });
const applied: Applied = { fingerprint: fingerprint(wanted), version: '7', older: new Set(['5']), isAdopted: true };

test('a twin has the fields of its kind, our label and nothing of the identity of the local object', () => {
  expect(wanted).toMatchObject({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'shop-milan', labels: { 'tombolo.io/origin': 'milan' } },
    data: { a: '1' },
  });
  expect(wanted.metadata).not.toHaveProperty('uid');
});

test('is created, applied and deleted as the local object asks for', () => {
  expect(planTwin(wanted, undefined, undefined)).toBe('create');
  expect(planTwin(twinOf({ a: '2' }), standing('7'), applied)).toBe('apply');
  expect(planTwin(undefined, standing('7'), applied)).toBe('delete');
  expect(planTwin(undefined, undefined, undefined)).toBe('none');
});

test('is left alone at rest, while the cache is behind, and after a restart of ours', () => {
  expect(planTwin(wanted, standing('7'), applied)).toBe('none');
  expect(planTwin(wanted, standing('5'), applied)).toBe('none');
  expect(planTwin(wanted, standing('9'), undefined)).toBe('none');
});

test('is repaired when somebody has changed it', () => {
  expect(planTwin(wanted, standing('8'), applied)).toBe('apply');
});

test('is replaced where it has another shape, which an apply would not change', () => {
  const shaped = defineReflector({
    resource: CONFIG_MAP,
    toTwin: (local) => ({ fields: pick(local, 'data'), ...(local.immutable && { shape: 'fixed' }) }),
  });
  const of = (immutable: boolean) =>
    twinObject(shaped, { metadata: { name: 'm', namespace: 'shop' }, immutable } as KubeObject, options);
  const [plain, fixed] = [of(false), of(true)];
  expect(planTwin(fixed, plain, undefined)).toBe('replace');
  expect(planTwin(plain, fixed, applied)).toBe('replace');
  expect(planTwin(fixed, fixed, undefined)).toBe('none');
});

test('what our POST set becomes ours to prune; fields of others stay theirs', () => {
  const created = {
    manager: 'node-client',
    operation: 'Update',
    fieldsV1: { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:tombolo.io/origin': {} } } },
  };
  const before = { manager: 'tombolo-reflection', operation: 'Apply', fieldsV1: { 'f:data': { 'f:b': {} } } };
  const foreign = { manager: 'kubectl-edit', operation: 'Update', fieldsV1: { 'f:data': { 'f:x': {} } } };
  expect(adoptCreatedFields([created, before, foreign], 'tombolo-reflection')).toEqual([
    foreign,
    {
      manager: 'tombolo-reflection',
      operation: 'Apply',
      fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} }, 'f:metadata': { 'f:labels': { 'f:tombolo.io/origin': {} } } },
    },
  ]);
  expect(adoptCreatedFields([before, foreign], 'tombolo-reflection')).toBeUndefined();
});
