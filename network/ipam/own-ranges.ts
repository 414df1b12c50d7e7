import { type Cidr, covers, formatCidr, overlaps, parseCidr } from '#network/cidr';
import { type AnnouncementPolicy, checkAnnouncedRange, DEFAULT_ANNOUNCEMENT_POLICY } from './announced-ranges.ts';
import { IpamError } from './errors.ts';

/** A range of this cluster and what it is for, in words: `pod range`. */
export interface OwnRange {
  readonly what: string;
  readonly range: string;
}

/** Our own ranges need nobody's consent, and some clusters have a whole /8. */
const OWN_POLICY: AnnouncementPolicy = {
  ...DEFAULT_ANNOUNCEMENT_POLICY,
  consented: ['0.0.0.0/0', '::/0'].map(parseCidr),
  largest: { 4: 8, 6: 32 },
};

/**
 * What is wrong with the ranges of this cluster, in a sentence; undefined where nothing is. No two that serve different
 * things may overlap; of one kind a part may be written beside the whole.
 */
export function ownRangesProblem(ranges: readonly OwnRange[]): string | undefined {
  const seen: { what: string; range: Cidr }[] = [];
  for (const { what, range: text } of ranges) {
    const range = checkAnnouncedRange(text, OWN_POLICY);
    if (range instanceof IpamError) return `${what} ${text} cannot be used: it ${range.why}`;
    const other = seen.find((one) => overlaps(one.range, range));
    if (other !== undefined && !(other.what === what && (covers(other.range, range) || covers(range, other.range)))) {
      return `${what} ${text} overlaps ${other.what} ${formatCidr(other.range)}`;
    }
    seen.push({ what, range });
  }
  return undefined;
}
