import { describe, expect, test } from 'vitest';
import type { KubeObject } from '#pkg/kube';
import { planToken, type TokenFacts } from './plan-token.ts';
import { localPod, remotePod, wrapperOf } from './test-pods.ts';

const NOW = new Date('2026-01-01T12:00:00Z');
const going = { deletionTimestamp: '2026-01-01T11:59:59Z' };

function secret(renewAt: string, ownerUid?: string): KubeObject {
  const ownerReferences = ownerUid === undefined ? [] : [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: ownerUid }];
  return {
    metadata: { name: 'tombolo-token-1', uid: 's', annotations: { 'tombolo.io/renew-at': renewAt }, ownerReferences },
  };
}
const FRESH = '2026-01-01T12:10:00Z';

const plan = (facts: Partial<TokenFacts>) =>
  planToken({
    local: localPod(),
    isWanted: true,
    isTwinSynced: true,
    isCreating: false,
    remotes: [],
    wrapper: wrapperOf(),
    made: undefined,
    secret: undefined,
    now: NOW,
    ...facts,
  });

describe('planToken', () => {
  test('makes it as soon as there is something to which it can belong', () => {
    expect(plan({})).toEqual({
      do: 'create',
      owner: { kind: 'ReplicaSet', name: 'web-7d9f8-abcde', uid: 'wrapper-1' },
    });
    const bare = remotePod();
    expect(plan({ wrapper: undefined, remotes: [bare] })).toEqual({
      do: 'create',
      owner: { kind: 'Pod', name: bare.metadata.name, uid: 'remote-1' },
    });
    const made = { kind: 'Pod', name: 'web', uid: 'new' } as const;
    expect(plan({ wrapper: undefined, made, isTwinSynced: false })).toEqual({ do: 'create', owner: made });
    expect(plan({ wrapper: undefined })).toEqual({ do: 'nothing' });
  });

  test('makes none that nobody wants, before the twin was read, or for a pod that ends', () => {
    for (const facts of [
      { isWanted: false },
      { isTwinSynced: false },
      { local: undefined },
      { local: localPod({ metadata: going }) },
      { local: localPod({ status: { phase: 'Succeeded' } }) },
    ]) {
      expect(plan(facts)).toEqual({ do: 'nothing' });
    }
  });

  test('POD-53 renews it when its time has come, also where nobody would want it any more', () => {
    expect(plan({ secret: secret(FRESH, 'wrapper-1') })).toEqual({ do: 'nothing', lookAgainMs: 600_000 });
    for (const due of ['2026-01-01T12:00:00Z', 'spoilt']) {
      expect(plan({ secret: secret(due, 'wrapper-1'), isWanted: false }).do).toBe('renew');
    }
  });

  test('POD-54 hands it to the pod that outlives its wrapper, and removes what belongs to nothing', () => {
    const orphan = secret(FRESH);
    const living = remotePod();
    expect(plan({ wrapper: undefined, remotes: [living], secret: orphan })).toMatchObject({
      do: 'own',
      owner: { kind: 'Pod', uid: 'remote-1' },
    });
    expect(plan({ wrapper: wrapperOf(going), remotes: [living], secret: orphan }).do).toBe('own');
    const gone = { local: undefined, wrapper: undefined };
    expect(plan({ ...gone, secret: orphan })).toEqual({ do: 'delete', secret: orphan });
    expect(plan({ ...gone, secret: orphan, isCreating: true })).toEqual({ do: 'nothing' });
    expect(plan({ ...gone, secret: secret(FRESH, 'old') })).toEqual({ do: 'nothing' });
  });
});
