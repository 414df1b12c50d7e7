import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#pkg/runtime';

/** Counts tries per source, so that guessing an invite takes longer than the universe lasts (PEER-05). */
export interface TryLimiter {
  /** Takes one try; returns 0 if it is allowed, else after how many seconds the next one is. */
  take(source: string): number;
  /** Gives the try back: it was no guess. */
  refund(source: string): void;
}

export interface TryLimiterOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Default 10. */
  readonly perMinute?: number;
  /** Sources remembered at once; the one not seen longest is forgotten. Default 10,000, about 1 MB. */
  readonly maxSources?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/**
 * A bucket of `perMinute` tries per source that fills evenly. A source is an IPv4 address or an IPv6 /64, because one
 * host owns a whole /64.
 */
export function tryLimiter({ clock, perMinute = 10, maxSources = 10_000 }: TryLimiterOptions): TryLimiter {
  const buckets = new LRUCache<string, Bucket>({ max: maxSources });
  const perMs = perMinute / 60_000;
  const bucketOf = (source: string): Bucket => {
    const key = sourceKey(source);
    const now = clock.now();
    const bucket = buckets.get(key) ?? { tokens: perMinute, atMs: now };
    bucket.tokens = Math.min(perMinute, bucket.tokens + (now - bucket.atMs) * perMs);
    bucket.atMs = now;
    buckets.set(key, bucket);
    return bucket;
  };
  return {
    take(source) {
      const bucket = bucketOf(source);
      if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / perMs / 1000);
      bucket.tokens -= 1;
      return 0;
    },
    refund(source) {
      const bucket = bucketOf(source);
      bucket.tokens = Math.min(perMinute, bucket.tokens + 1);
    },
  };
}

function sourceKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...right];
  return groups.slice(0, 4).join(':');
}
