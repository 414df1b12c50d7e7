import { describe, expect, test } from 'vitest';
import type { Service } from '#pkg/kube';
import { trimToAffinity, wantsAffinity } from './index.ts';
import { affinityOf } from './affinity-of.ts';

const KEY = 'tombolo.io/service-affinity';
const service = (
  word: string | undefined,
  spec: NonNullable<Service['spec']> = { selector: { app: 'web' } },
): Service => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u1', ...(word !== undefined && { annotations: { [KEY]: word } }) },
  spec,
});
const problemOf = (...given: Parameters<typeof service>) => affinityOf(service(...given), 'home').problem?.message;

describe('what a Service asks for', () => {
  test('stands in its annotation at home, and in its label in a twin', () => {
    for (const word of ['local', 'remote', 'none'] as const)
      expect(affinityOf(service(word), 'home')).toEqual({ affinity: word });
    expect(affinityOf(service(undefined), 'home')).toEqual({ affinity: 'none' });
    expect(affinityOf(service('local'), 'twin')).toEqual({ affinity: 'none' });
    const twin: Service = { ...service(undefined), metadata: { name: 'web', labels: { [KEY]: 'remote' } } };
    expect(affinityOf(twin, 'twin')).toEqual({ affinity: 'remote' });
    expect(affinityOf(twin, 'home')).toEqual({ affinity: 'none' });
  });

  test('means nothing, and is no mistake, where nothing runs elsewhere', () => {
    expect(affinityOf(service('local'), undefined)).toEqual({ affinity: 'none' });
    expect(affinityOf(service('locall'), undefined)).toEqual({ affinity: 'none' });
  });

  test('is refused with a sentence where it is no affinity, or where nobody chooses', () => {
    expect(affinityOf(service('Local'), 'home').affinity).toBe('none');
    expect([
      problemOf('Local'),
      problemOf('local', { type: 'ExternalName', externalName: 'db.example.com' }),
      problemOf('local', { clusterIP: 'None', selector: { app: 'web' } }),
      problemOf('remote', {}),
      problemOf('none', {}),
    ]).toEqual([
      'prefer the endpoints of one cluster: Service shop/web: “Local” is not an affinity; set tombolo.io/service-affinity to local, remote or none; until then it acts as none',
      'prefer the endpoints of one cluster: Service shop/web: its type is ExternalName: it has no endpoints; remove the annotation tombolo.io/service-affinity; until then it acts as none',
      'prefer the endpoints of one cluster: Service shop/web: it is headless: its clients choose among all its addresses themselves; remove the annotation tombolo.io/service-affinity; until then it acts as none',
      'prefer the endpoints of one cluster: Service shop/web: it has no selector: its endpoints are those of its owner; remove the annotation tombolo.io/service-affinity; until then it acts as none',
      undefined,
    ]);
  });

  test('is the same when a cache has made the Service smaller', () => {
    const specs: NonNullable<Service['spec']>[] = [
      { selector: { app: 'web' }, clusterIP: '10.96.1.1', ports: [{ port: 80 }] },
      { clusterIP: 'None', selector: { app: 'web' } },
      { type: 'ExternalName', externalName: 'db.example.com' },
      {},
    ];
    for (const word of [undefined, 'local', 'remote', 'none', 'x']) {
      for (const one of specs.map((spec) => service(word, spec))) {
        expect(affinityOf(trimToAffinity(one), 'home')).toEqual(affinityOf(one, 'home'));
        expect(wantsAffinity(trimToAffinity(one))).toBe(word !== undefined);
      }
    }
    expect(trimToAffinity(service(undefined, { clusterIP: '10.96.1.1', ports: [{ port: 80 }] }))).toEqual({
      metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
      spec: {},
    });
  });
});
