import { expect, test } from 'vitest';
import { livePodPatch, wrapperPatch } from './live-update.ts';
import { localPod, remotePod } from './test-pods.ts';
import { type RemoteContext, toRemotePod, toRemoteReplicaSet } from './to-remote.ts';

const local = localPod({ metadata: { labels: { app: 'web', 'corp.example.com/team': 'a' } } });
const open: RemoteContext = { origin: 'milan', nodeName: 'rome', twin: { namespace: 'shop-milan' }, placement: {} };
const denied: RemoteContext = { ...open, denyPrefixes: ['corp.example.com/'] };

test('a prefix that a policy denies later goes from the living pod and from its template', () => {
  const { metadata, spec } = toRemotePod(local, open);
  const living = remotePod({ metadata, ...(spec !== undefined && { spec }) });
  expect(livePodPatch(local, living, open)).toBeUndefined();
  expect(livePodPatch(local, living, denied)).toContainEqual({
    op: 'remove',
    path: '/metadata/labels/corp.example.com~1team',
  });

  const wrapper = toRemoteReplicaSet(local, open);
  expect(wrapperPatch(local, wrapper, open)).toBeUndefined();
  const [, template] = wrapperPatch(local, wrapper, denied) ?? [];
  expect(template).toMatchObject({ op: 'replace', path: '/spec/template' });
  expect(JSON.stringify(template)).not.toContain('corp.example.com');
  expect(wrapperPatch(local, toRemoteReplicaSet(local, denied), denied)).toBeUndefined();
});
