import { expect, test } from 'vitest';
import { grantLedger } from './grant-ledger.ts';
import type { GrantView } from './pod-deps.ts';

const spec = (cpu: string, memory = '1Gi') => ({
  containers: [{ name: 'app', resources: { requests: { cpu, memory } } }],
});
const ledgerOf = (grant: GrantView) => grantLedger('rome', () => grant);
const granted = { cpu: '4', memory: '8Gi', pods: '10' };

test('POD-63 a pod grows into what is free; beyond it waits, beyond the grant it never fits', () => {
  const ledger = ledgerOf({ granted });
  expect(ledger.take('a', spec('1'))).toBeUndefined();
  expect(ledger.take('b', spec('2'))).toBeUndefined();
  expect(ledger.resize('a', spec('2'))).toBeUndefined();
  expect(ledger.resize('a', spec('2001m'))).toEqual({
    reason: 'Deferred',
    message: 'rome: cpu: asked 2001m, free 2, granted 4',
  });
  expect(ledger.resize('a', spec('5'))).toEqual({
    reason: 'Infeasible',
    message: 'rome: cpu: asked 5, free 2, granted 4',
  });
  ledger.free('b');
  expect(ledger.resize('a', spec('2001m'))).toBeUndefined();
});

test('a refused resize takes no room, an accepted one does', () => {
  const ledger = ledgerOf({ granted });
  ledger.take('a', spec('1'));
  ledger.resize('a', spec('5'));
  expect(ledger.take('b', spec('3'))).toBeUndefined();
  expect(ledger.resize('a', spec('500m'))).toBeUndefined();
  expect(ledger.take('c', spec('500m'))).toBeUndefined();
  expect(ledger.take('d', spec('1m'))?.reason).toBe('GrantExceeded');
});

test('a cordoned or shrunk grant refuses what grows, and nothing else', () => {
  const grant: { granted: typeof granted; cordoned?: boolean } = { granted };
  const ledger = ledgerOf(grant);
  ledger.take('a', spec('2', '4Gi'));
  grant.cordoned = true;
  expect(ledger.resize('a', spec('3', '4Gi'))?.reason).toBe('Deferred');
  expect(ledger.resize('a', spec('1', '4Gi'))).toBeUndefined();
  grant.cordoned = false;
  grant.granted = { ...granted, memory: '1Gi' };
  expect(ledger.resize('a', spec('3', '2Gi'))).toBeUndefined();
});

test('what is held again in another size replaces what was held', () => {
  const ledger = ledgerOf({ granted });
  ledger.hold('a', spec('4'));
  ledger.hold('a', spec('1'));
  expect(ledger.take('b', spec('3'))).toBeUndefined();
});
