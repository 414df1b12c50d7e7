import { expect, test } from 'vitest';
import { readGet } from './read-objects.ts';

const words = (text: string) => text.split(' ');

test.each([
  ['get peers', { kinds: ['peers'], isOfAll: false }],
  ['-n shop get pod web -n other', { kinds: ['pod'], name: 'web', namespace: 'other', isOfAll: false }],
  ['get secrets,configmaps -A', { kinds: ['secrets', 'configmaps'], isOfAll: true }],
  ['get nodes -l !tombolo.io/peer', { kinds: ['nodes'], labelSelector: '!tombolo.io/peer', isOfAll: false }],
  ['get events --field-selector type=Warning', { kinds: ['events'], fieldSelector: 'type=Warning', isOfAll: false }],
])('kubectl %s is read', (text, query) => {
  expect(readGet(words(text))).toEqual(query);
});

test.each([
  'get pod/web',
  'get pods web other',
  'get pods,nodes web',
  'get invites --sort-by .metadata.creationTimestamp',
  'get pod web --subresource status',
  'get --raw /version',
  'config view --raw',
  'get pods -n',
  'get',
  'create namespace x',
])('kubectl %s is left to kubectl', (text) => {
  expect(readGet(words(text))).toBeUndefined();
});
