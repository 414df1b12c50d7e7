import { expect, test } from 'vitest';
import type { SelectorTerm, VirtualNode } from '#pkg/api';
import type { Node } from '#pkg/kube';
import { selectPeers } from './select-peers.ts';

const GOLD: SelectorTerm[] = [{ matchExpressions: [{ key: 'tier', operator: 'In', values: ['gold'] }] }];
const virtualNode = (name: string, peer: string, more: object = {}): VirtualNode => ({
  metadata: { name, ...more },
  spec: { peer },
});
const nodes =
  (labels: Record<string, Record<string, string>>) =>
  (name: string): Node | undefined =>
    Object.hasOwn(labels, name) ? ({ metadata: { name, labels: labels[name] ?? {} } } as Node) : undefined;
const chosen = (...args: Parameters<typeof selectPeers>) => Object.fromEntries(selectPeers(...args));

test('without a selector every peer with a virtual node is chosen, also before its Node exists', () => {
  expect(chosen(undefined, [virtualNode('rome', 'rome'), virtualNode('big', 'turin')], nodes({}))).toEqual({
    rome: 'Wanted',
    turin: 'Wanted',
  });
});

test('one matching node of a peer is enough, whoever put the label on it', () => {
  const list = [virtualNode('a', 'rome'), virtualNode('b', 'rome'), virtualNode('c', 'turin')];
  expect(chosen(GOLD, list, nodes({ a: {}, b: { tier: 'gold' }, c: { tier: 'iron' } }))).toEqual({ rome: 'Wanted' });
});

test('a Node that somebody deleted does not shrink the namespace, and does not extend it', () => {
  expect(chosen(GOLD, [virtualNode('a', 'rome')], nodes({}))).toEqual({ rome: 'Kept' });
});

test('a virtual node that drains keeps its twin and gets no new one', () => {
  const draining = virtualNode('a', 'rome', { deletionTimestamp: '2026-01-01T00:00:00Z' });
  expect(chosen(undefined, [draining], nodes({}))).toEqual({ rome: 'Kept' });
  expect(chosen(undefined, [draining, virtualNode('b', 'rome')], nodes({}))).toEqual({ rome: 'Wanted' });
});
