import { expect, test } from 'vitest';
import type { KubeClient } from '#pkg/kube';
import { mintTokens, renewalAge } from './mint-tokens.ts';
import { localPod, UID } from './test-pods.ts';

const NOW = new Date('2026-01-01T12:00:00Z');
const options = { now: NOW, random: 0, signal: AbortSignal.timeout(5_000) };

test('POD-53 a token is made anew before 80 % of its life, with time for its way into the pod', () => {
  for (const random of [0, 0.5, 0.999]) {
    expect(renewalAge(600, random)).toBeLessThanOrEqual(0.8 * 600 - 180);
    expect(renewalAge(600, random)).toBeGreaterThan(200);
    expect(renewalAge(3_607, random)).toBeGreaterThan(2_300);
  }
  expect(renewalAge(365 * 24 * 3_600, 0)).toBe(24 * 3_600);
  expect(renewalAge(365 * 24 * 3_600, 0.999)).toBeGreaterThan(21 * 3_600);
  expect(renewalAge(10, 0.5)).toBe(30);
});

test('POD-52 each token has its audience and lifetime and is bound to the local pod', async () => {
  const asked: unknown[] = [];
  const client = {
    subresource: async (_: unknown, ref: object, name: string, body: { spec: { expirationSeconds: number } }) => {
      asked.push([ref, name, body.spec]);
      return { spec: { expirationSeconds: body.spec.expirationSeconds / 2 }, status: { token: `t${asked.length}` } };
    },
  } as unknown as KubeClient;
  const wishes = [
    { key: 'token-0', audience: undefined, expirationSeconds: 7_200 },
    { key: 'token-1', audience: 'vault', expirationSeconds: 3_600 },
  ];
  const local = localPod({ spec: { serviceAccountName: 'reader' } });
  const { tokens, renewAt } = await mintTokens(client, local, wishes, options);
  const account = { namespace: 'shop', name: 'reader' };
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'web-7d9f8-abcde', uid: UID };
  expect(asked).toEqual([
    [account, 'token', { expirationSeconds: 7_200, boundObjectRef }],
    [account, 'token', { audiences: ['vault'], expirationSeconds: 3_600, boundObjectRef }],
  ]);
  expect([...tokens]).toEqual([
    ['token-0', 't1'],
    ['token-1', 't2'],
  ]);
  // The server gave half of what was asked for, and the shortest one decides.
  expect(renewAt.getTime() - NOW.getTime()).toBe((0.8 * 1_800 - 180) * 1_000);
});

test('an answer without a token is an error', async () => {
  const client = { subresource: async () => ({ status: {} }) } as unknown as KubeClient;
  const wishes = [{ key: 'token-0', audience: undefined, expirationSeconds: 3_600 }];
  await expect(mintTokens(client, localPod(), wishes, options)).rejects.toMatchObject({ code: 'TokenNotGiven' });
});
