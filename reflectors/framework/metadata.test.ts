import { expect, test } from 'vitest';
import { stripMetadata } from './metadata.ts';

const labels = {
  app: 'web',
  'app.kubernetes.io/instance': 'shop',
  'app.kubernetes.io/managed-by': 'Helm',
  'argocd.argoproj.io/instance': 'shop',
  'kustomize.toolkit.fluxcd.io/name': 'shop',
  'helm.sh/chart': 'web-1.0',
  'tombolo.io/offload': 'true',
};
const annotations = {
  note: 'n',
  'kubectl.kubernetes.io/last-applied-configuration': '{}',
  'meta.helm.sh/release-name': 'web',
  'argocd.argoproj.io/tracking-id': 'x',
  'notargoproj.io/x': 'kept',
  'corp.example.com/secret': 'y',
};

test('REF-30 GitOps metadata, the last-applied annotation and our own keys are never copied', () => {
  expect(stripMetadata({ labels, annotations }, { denyPrefixes: ['corp.example.com/'] })).toEqual({
    labels: { app: 'web' },
    annotations: { note: 'n', 'notargoproj.io/x': 'kept' },
  });
});

test('pods keep the labels that Services select by', () => {
  expect(stripMetadata({ labels }, { isPod: true }).labels).toEqual({
    app: 'web',
    'app.kubernetes.io/instance': 'shop',
    'app.kubernetes.io/managed-by': 'Helm',
  });
});

test('hostile keys survive', () => {
  const hostile = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>;
  expect(JSON.stringify(stripMetadata({ annotations: hostile }).annotations)).toBe(
    '{"__proto__":"a","constructor":"b"}',
  );
});
