import { expect, test } from 'vitest';
import { discoveredClusterName } from './discovered-cluster.ts';

const claim = { clusterName: 'rome', fingerprint: '1a2b3c4d'.repeat(8), source: 'DNS', domain: 'a.example' } as const;

test('a record of another key, domain or source gets another object, also with the same first digits', () => {
  const name = discoveredClusterName(claim);
  expect(name).toMatch(/^rome-1a2b3c4d-dns-[0-9a-f]{16}$/);
  const others = [
    { ...claim, fingerprint: claim.fingerprint.replace(/d$/, 'e') },
    { ...claim, domain: 'b.example' },
    { ...claim, source: 'MDNS' as const },
    // The hash is over parts that cannot flow into each other.
    { ...claim, clusterName: 'rome-1a2b3c4d' },
  ].map(discoveredClusterName);
  expect(new Set([name, ...others]).size).toBe(5);
});

test('the longest name is still a legal object name', () => {
  expect(discoveredClusterName({ ...claim, clusterName: 'x'.repeat(48), source: 'MDNS' }).length).toBeLessThan(254);
});
