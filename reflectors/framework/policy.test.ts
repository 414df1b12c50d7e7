import { expect, test } from 'vitest';
import type { ReflectionPolicy } from '#pkg/api';
import type { KubeObject } from '#pkg/kube';
import { denyPrefixes, verdictOn, verdictOnFollower } from './policy.ts';

const KIND = { group: '', kind: 'Secret' };
const policy = (name: string, spec: ReflectionPolicy['spec']): ReflectionPolicy => ({ metadata: { name }, spec });
const secret = (metadata: { labels?: Record<string, string>; annotations?: Record<string, string> } = {}) => ({
  metadata: { name: 's', namespace: 'shop', ...metadata },
});
const wish = (value: string) => ({ 'tombolo.io/reflect': value });

const never = policy('never', { never: [{ kind: 'Secret', selector: { matchLabels: { tier: 'bank' } } }] });
const select = policy('select', {
  select: [{ kind: 'Secret', selector: { matchExpressions: [{ key: 'share', operator: 'Exists' }] } }],
});

test('the order of rules: never, annotation, selection, default', () => {
  const all = [never, select];
  const copied = (object: ReturnType<typeof secret>, policies = all) => verdictOn(object, KIND, policies);
  expect(copied(secret({ labels: { tier: 'bank' }, annotations: wish('true') }))).toEqual({
    copied: false,
    rule: '"never" of ReflectionPolicy never',
  });
  expect(copied(secret({ labels: { share: '' }, annotations: wish('false') })).copied).toBe(false);
  expect(copied(secret({ annotations: wish('true') })).copied).toBe(true);
  expect(copied(secret({ labels: { share: '' } })).copied).toBe(true);
  expect(copied(secret())).toEqual({ copied: false, rule: 'not selected by ReflectionPolicy select' });
  expect(copied(secret(), [never])).toEqual({ copied: true, rule: 'the default' });
});

test('policies hold in their namespaces and for their kinds', () => {
  const elsewhere = policy('elsewhere', { namespaces: ['bank'], never: [{ kind: 'Secret' }], denyPrefixes: ['x/'] });
  expect(verdictOn(secret(), KIND, [elsewhere]).copied).toBe(true);
  expect(verdictOn(secret(), { group: '', kind: 'ConfigMap' }, [select]).copied).toBe(true);
  expect(denyPrefixes('shop', [elsewhere])).toEqual([]);
  expect(denyPrefixes('bank', [elsewhere])).toEqual(['x/']);
});

test('REF-31 what a peer made here is never copied on', () => {
  const twin = secret({ labels: { 'tombolo.io/origin': 'turin' }, annotations: wish('true') });
  expect(verdictOn(twin, KIND, []).copied).toBe(false);
});

test('a follower shares the verdict on its owner, unless something is said of itself', () => {
  const kind = { group: 'discovery.k8s.io', kind: 'EndpointSlice' };
  const follower = (own: Parameters<typeof secret>[0], owner: KubeObject | undefined, policies = [never, select]) =>
    verdictOnFollower(secret(own), kind, { object: owner, kind: KIND }, policies).copied;
  const chosen = secret({ labels: { share: '' } });
  expect(follower({}, chosen)).toBe(true);
  expect(follower({}, secret())).toBe(false);
  expect(follower({ annotations: wish('true') }, secret())).toBe(true);
  expect(follower({ annotations: wish('false') }, chosen)).toBe(false);
  const noSlices = policy('no-slices', { never: [{ group: 'discovery.k8s.io', kind: 'EndpointSlice' }] });
  expect(follower({ annotations: wish('true') }, chosen, [noSlices])).toBe(false);
  expect(follower({ annotations: wish('true') }, undefined)).toBe(false);
});
