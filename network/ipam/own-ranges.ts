import { type Cidr, covers, formatCidr, overlaps, parseCidr } from '#network/cidr';
import { type AnnouncementPolicy, checkAnnouncedRange, DEFAULT_ANNOUNCEMENT_POLICY } from './announced-ranges.ts';
import { IpamError } from './errors.ts';

/** The ranges of this cluster, by what they are for; an anchor range is not chosen yet where it is absent. */
export interface OwnRanges {
  readonly podRanges?: readonly string[] | undefined;
  readonly serviceRanges?: readonly string[] | undefined;
  readonly nodeRanges?: readonly string[] | undefined;
  readonly anchorRange?: string | undefined;
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
export function ownRangesProblem(own: OwnRanges): string | undefined {
  const seen: { what: string; range: Cidr }[] = [];
  for (const { what, range: text } of named(own)) {
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

function named({ podRanges, serviceRanges, nodeRanges, anchorRange }: OwnRanges): { what: string; range: string }[] {
  const each = (what: string, ranges: readonly string[] = []) => ranges.map((range) => ({ what, range }));
  return [
    ...each('pod range', podRanges),
    ...each('service range', serviceRanges),
    ...each('node range', nodeRanges),
    ...each('anchor range', anchorRange === undefined ? [] : [anchorRange]),
  ];
}
