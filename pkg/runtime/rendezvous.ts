import { createHash } from 'node:crypto';

/**
 * Highest random weight hashing: the member that `key` belongs to. Every process computes the same answer from the same
 * members, and a member that leaves moves only its own keys. Undefined where there are no members.
 */
export function rendezvous(key: string, members: readonly string[]): string | undefined {
  let best: { member: string; weight: string } | undefined;
  for (const member of members) {
    const weight = createHash('sha256').update(member).update('\0').update(key).digest('hex');
    if (best === undefined || weight > best.weight) best = { member, weight };
  }
  return best?.member;
}
