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
  role.claimed(1, 0);
  expect(role.isActive).toBe(true);
  expect(role.shouldClaim(10, true)).toBe(false);
});

test('a standby takes over a second after the last heartbeat that it heard', () => {
  const role = standby();
  role.heard(beat('a', 1, 0), 1_000);
  expect(role.shouldClaim(2_000, true)).toBe(false);
  expect(role.shouldClaim(2_001, true)).toBe(true);
});

test('one that stood still itself does not take its own silence for that of the other', () => {
  const role = standby();
  role.heard(beat('a', 1, 0), 200);
  role.tick(200);
  role.tick(3_400);
  expect(role.shouldClaim(3_400, true)).toBe(false);
  role.tick(3_600);
  role.tick(3_800);
  role.tick(4_000);
  expect(role.shouldClaim(4_201, true)).toBe(true);
});

test('an active one that was only slow makes the next one wait longer', () => {
  const role = standby();
  role.heard(beat('a', 1, 0), 0);
  expect(role.shouldClaim(1_100, true)).toBe(true);
  role.claimed(2, 1_100);
  role.sawClaim({ holder: 'b', epoch: 2, version: '2' }, 1_110);
  role.heard(beat('a', 1, 1), 1_300);
  role.heard(beat('a', 3, 2), 5_000);
  role.sawClaim({ holder: 'a', epoch: 3, version: '3' }, 5_000);
  role.heard(beat('a', 3, 3), 5_100);
  expect(role.shouldClaim(6_500, true)).toBe(false);
  expect(role.shouldClaim(6_601, true)).toBe(true);
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
    role.claimed(1, 0);
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
