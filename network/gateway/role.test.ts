import { expect, test } from 'vitest';
import { Role } from './role.ts';

const beat = (from: string, epoch: number, sequence: number, isActive = true) => ({ from, epoch, isActive, sequence });

/** b is the standby of a, which has claimed epoch 1. */
function standby(): Role {
  const role = new Role('b', 0);
  role.sawClaim({ holder: 'a', epoch: 1, version: '1' }, 0);
  return role;
}

test('without a claim the first one takes the role', () => {
  const role = new Role('a', 0);
  expect(role.shouldClaim(0, false)).toBe(true);
  role.claimed(1);
  expect(role.isActive).toBe(true);
  expect(role.shouldClaim(10, true)).toBe(false);
});

test('a standby takes over 800 ms after the last heartbeat that it heard', () => {
  const role = standby();
  role.heard(beat('a', 1, 0), 1_000);
  expect(role.shouldClaim(1_800, true)).toBe(false);
  expect(role.shouldClaim(1_801, true)).toBe(true);
});

test('a standby that never heard the holder waits for its Lease: heartbeats may be blocked', () => {
  const role = standby();
  expect(role.shouldClaim(14_000, true)).toBe(false);
  role.sawClaim({ holder: 'a', epoch: 1, version: '2' }, 14_000);
  expect(role.shouldClaim(28_000, true)).toBe(false);
  expect(role.shouldClaim(29_001, true)).toBe(true);
});

test('a holder whose pod is gone is followed at once, and so is one that says that it leaves', () => {
  expect(standby().shouldClaim(1, false)).toBe(true);
  const role = standby();
  role.heard(beat('a', 1, 0), 100);
  role.heard(beat('a', 1, 1, false), 200);
  expect(role.shouldClaim(201, true)).toBe(true);
});

test('an active replica stops when it learns of a higher epoch, by heartbeat or by Lease', () => {
  for (const learn of [
    (role: Role) => role.heard(beat('b', 2, 0), 100),
    (role: Role) => role.sawClaim({ holder: 'b', epoch: 2, version: '2' }, 100),
  ]) {
    const role = new Role('a', 0);
    role.claimed(1);
    role.heard(beat('b', 1, -1, false), 50);
    expect(role.isActive).toBe(true);
    learn(role);
    expect(role.isActive).toBe(false);
  }
});

test('a heartbeat that comes again counts for nothing', () => {
  const role = standby();
  role.heard(beat('a', 1, 7), 1_000);
  role.heard(beat('a', 1, 7), 3_000);
  expect(role.shouldClaim(3_000, true)).toBe(true);
});

test('an old epoch is not taken for a sign of life', () => {
  const role = standby();
  role.sawClaim({ holder: 'c', epoch: 2, version: '2' }, 10);
  role.heard(beat('a', 1, 0), 1_000);
  expect(role.shouldClaim(2_000, true)).toBe(false);
  expect(role.epoch).toBe(2);
});
