import { describe, expect, test } from 'vitest';
import type { Offloading, OffloadingSpec } from '#pkg/api';
import { admitOffloading } from './offloading-admission.ts';

const SHOP = { name: 'shop' };
const offloading = (spec: OffloadingSpec = {}, name = 'offloading', activated?: boolean): Offloading => ({
  metadata: { name, namespace: 'shop' },
  spec,
  ...(activated !== undefined && { status: { activated } }),
});
const why = (
  object: Offloading,
  old?: Offloading,
  namespace: { name: string; labels?: Record<string, string> } = SHOP,
) => admitOffloading(object, old, namespace).status?.message;
const selector = (key: string, operator: string, values?: string[]) =>
  offloading({ peerSelector: [{ matchExpressions: [{ key, operator, ...(values !== undefined && { values }) }] }] });

describe('REF-05 what is wrong is denied with one sentence', () => {
  test.each<[string, Offloading, string]>([
    ['name', offloading({}, 'other'), 'an Offloading is named offloading, not other: there is one per namespace'],
    ['Named without a name', offloading({ twin: { strategy: 'Named' } }), 'twin strategy Named needs twin.name'],
    [
      'name without Named',
      offloading({ twin: { strategy: 'Same', name: 'x' } }),
      'twin.name belongs to strategy Named, not to Same',
    ],
    [
      'strategy',
      offloading({ podStrategy: 'Everywhere' as 'Local' }),
      'podStrategy “Everywhere” must be one of LocalAndRemote, Remote, Local',
    ],
    [
      'operator',
      selector('a', 'Near'),
      'peerSelector[0]: operator “Near” of a must be one of In, NotIn, Exists, DoesNotExist, Gt, Lt',
    ],
    ['no values', selector('a', 'In'), 'peerSelector[0]: operator In of a needs values'],
    ['values', selector('a', 'Exists', ['b']), 'peerSelector[0]: operator Exists of a takes no values'],
    ['not a number', selector('a', 'Gt', ['b']), 'peerSelector[0]: operator Gt of a needs one integer'],
    ['key', selector('a b', 'Exists'), 'peerSelector[0]: “a b” is not a label key'],
    [
      'empty',
      offloading({ peerSelector: [] }),
      'peerSelector is empty and would match nothing; leave it out to select all peers',
    ],
  ])('%s', (_what, object, sentence) => {
    expect(why(object)).toBe(sentence);
  });

  test('the twin setting cannot change once a claim was sent, and can before', () => {
    const changed = offloading({ twin: { strategy: 'Same' } });
    expect(why(changed, offloading({}, 'offloading', true))).toMatch(/^the twin setting cannot change any more/);
    expect(why(changed, offloading({}, 'offloading', false))).toBeUndefined();
    expect(why(offloading({ twin: { strategy: 'Default' } }), offloading({}, 'offloading', true))).toBeUndefined();
  });
});

test('REF-06 kube-*, tombolo-* and twins are refused', () => {
  for (const name of ['kube-public', 'tombolo-system']) expect(why(offloading(), undefined, { name })).toContain(name);
  const twin = { name: 'shop-milan', labels: { 'tombolo.io/origin': 'milan' } };
  expect(why(offloading(), undefined, twin)).toBe(
    'namespace shop-milan is not offloaded: it is the twin of a namespace of another cluster',
  );
});

test('an object that is being deleted may always change, so that it can go', () => {
  const going = offloading({ twin: { strategy: 'Named' } });
  going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
  expect(admitOffloading(going, undefined, SHOP).allowed).toBe(true);
});

test('narrowing the strategy warns that existing pods stay', () => {
  expect(admitOffloading(offloading({ podStrategy: 'Local' }), offloading(), SHOP).warnings).toHaveLength(1);
  expect(admitOffloading(offloading(), offloading({ podStrategy: 'Local' }), SHOP).warnings).toEqual([]);
});
