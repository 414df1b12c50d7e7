import { expect, test } from 'vitest';
import { configMapReflector } from './index.ts';

test('the CA of home gets another name, and nothing else takes that name', () => {
  expect(configMapReflector.twinName('kube-root-ca.crt')).toBe('tombolo-home-root-ca');
  expect(configMapReflector.twinName('settings')).toBe('settings');
  expect(configMapReflector.toTwin({ metadata: { name: 'tombolo-home-root-ca' } })).toBeUndefined();
});

test('data, binaryData and immutable are copied, and only those', () => {
  const local = { metadata: { name: 'm' }, data: { a: '1' }, binaryData: { b: 'AA==' }, immutable: true, kind: 'x' };
  expect(configMapReflector.toTwin(local)?.fields).toEqual({
    data: { a: '1' },
    binaryData: { b: 'AA==' },
    immutable: true,
  });
});

test('the CA of home is copied whatever policies say: no pod with a token starts without it', () => {
  const named = (name: string) => configMapReflector.isNeeded({ metadata: { name } });
  expect(['kube-root-ca.crt', 'settings'].map(named)).toEqual([true, false]);
});
