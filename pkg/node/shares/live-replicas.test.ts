import { describe, expect, test } from 'vitest';
import { liveReplicas } from './live-replicas.ts';

describe('liveReplicas', () => {
  test('a replica lives as long as its lease changes, whatever its clock says', () => {
    const replicas = liveReplicas({ durationMs: 6_000 });
    replicas.seen('a', { holder: 'a', renewal: '1999' }, 0);
    replicas.seen('b', { holder: 'b', renewal: '2999' }, 0);
    replicas.seen('b', { holder: 'b', renewal: '2998' }, 5_000);
    expect(replicas.live(5_999)).toEqual(['a', 'b']);
    expect(replicas.live(6_000)).toEqual(['b']);
  });

  test('seeing the same lease again keeps nobody alive', () => {
    const replicas = liveReplicas({ durationMs: 6_000 });
    replicas.seen('a', { holder: 'a', renewal: '1' }, 0);
    replicas.seen('a', { holder: 'a', renewal: '1' }, 5_000);
    expect(replicas.live(6_000)).toEqual([]);
    expect(replicas.silent(60_000, 60_000)).toEqual(['a']);
  });

  test('silence while nothing could be seen does not count', () => {
    const replicas = liveReplicas({ durationMs: 6_000 });
    replicas.seen('a', { holder: 'a', renewal: '1' }, 0);
    replicas.seen('b', { holder: 'b', renewal: '1' }, 61_000);
    replicas.unseen(60_000, 62_000);
    expect(replicas.live(65_999)).toEqual(['a', 'b']);
    expect(replicas.live(66_000)).toEqual(['b']);
    expect(replicas.live(68_000)).toEqual([]);
  });

  test('a lease that was released or has no holder counts nothing at once', () => {
    const replicas = liveReplicas({ durationMs: 6_000 });
    replicas.seen('a', { holder: 'a', renewal: '1' }, 0);
    replicas.seen('b', { holder: '', renewal: '1' }, 0);
    replicas.gone('a');
    expect(replicas.live(1)).toEqual([]);
  });
});
