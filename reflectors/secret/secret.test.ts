import { expect, test } from 'vitest';
import { secretReflector } from './index.ts';

const secret = (type: string) => ({ metadata: { name: 's', namespace: 'shop' }, type, data: { token: 'dA==' } });

test('REF-35 account tokens are copied as Opaque, Helm releases and bootstrap tokens not at all', () => {
  expect(secretReflector.toTwin(secret('kubernetes.io/service-account-token'))?.fields).toEqual({
    type: 'Opaque',
    data: { token: 'dA==' },
  });
  expect(secretReflector.toTwin(secret('kubernetes.io/tls'))?.fields['type']).toBe('kubernetes.io/tls');
  expect(secretReflector.toTwin(secret('helm.sh/release.v1'))).toBeUndefined();
  expect(secretReflector.toTwin(secret('bootstrap.kubernetes.io/token'))).toBeUndefined();
});
