import { shortFingerprint } from '../identity/fingerprint.ts';

/**
 * What people of both clusters compare before they accept: the short fingerprint of the cluster that asks, a slash, and that
 * of the cluster that is asked; both sides show the same text. Two keys and not one hash over both: whoever stands between
 * the clusters chooses two keys, and would need 2^32 tries to make 64 bits of one hash equal on both sides, but 2^64 to
 * hit a given key.
 */
export function comparisonOf(asking: string, asked: string): string {
  return `${shortFingerprint(asking)}/${shortFingerprint(asked)}`;
}
