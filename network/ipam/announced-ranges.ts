import { BITS, type Cidr, CidrError, covers, type Family, formatCidr, overlaps, parseCidr } from '#network/cidr';
import { IpamError } from './errors.ts';

/** What a peer may announce. */
export interface AnnouncementPolicy {
  /** Ranges beyond the private ones that the admin of this cluster consented to for that peer. Default none. */
  readonly consented: readonly Cidr[];
  /**
   * Prefix length of the largest range of each family. All ranges of a family together may not have more addresses than
   * one range of that length.
   */
  readonly largest: Readonly<Record<Family, number>>;
  /** Most ranges of one peer. Each costs a route and some map elements on every node. */
  readonly maxRanges: number;
}

export const DEFAULT_ANNOUNCEMENT_POLICY: AnnouncementPolicy = {
  consented: [],
  // /10: all of the shared space 100.64.0.0/10, which some clouds give their pods, and a quarter of the largest pool.
  // /40: 256 sites of the usual /48 (RFC 6177).
  largest: { 4: 10, 6: 40 },
  // Two pod ranges, nodes and anchors of both families are 8; the rest is for a hub with the ranges of its leaves.
  maxRanges: 64,
};

/** Never reachable through a tunnel; to route them would cut this host off from itself or its link. */
const FORBIDDEN = [
  ['0.0.0.0/8', 'unspecified addresses'],
  ['127.0.0.0/8', 'loopback addresses'],
  ['169.254.0.0/16', 'link-local addresses'],
  ['224.0.0.0/4', 'multicast addresses'],
  ['240.0.0.0/4', 'reserved addresses'],
  ['::/128', 'the unspecified address'],
  ['::1/128', 'the loopback address'],
  ['::ffff:0.0.0.0/96', 'IPv4-mapped addresses'],
  ['fe80::/10', 'link-local addresses'],
  ['ff00::/8', 'multicast addresses'],
] as const;

/** RFC 1918, RFC 6598 and RFC 4193. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'] as const;

/**
 * Whether a peer may announce that range: the range, or why not (`RangeNotValid`, `RangeForbidden`, `RangeTooLarge`,
 * `RangeNotPrivate`). Consent does not lift the other rules. Whether it overlaps ranges of ours is no question here: such a
 * range gets an alias.
 */
export function checkAnnouncedRange(text: string, policy = DEFAULT_ANNOUNCEMENT_POLICY): Cidr | IpamError {
  let range: Cidr;
  try {
    range = parseCidr(text);
  } catch (cause) {
    if (!(cause instanceof CidrError)) throw cause;
    return refusal('RangeNotValid', cause.where, cause.why);
  }
  const shown = formatCidr(range);
  if (range.prefixLength === 0) return refusal('RangeTooLarge', shown, `is all of IPv${range.family}`);
  for (const [forbidden, what] of FORBIDDEN)
    if (overlaps(parseCidr(forbidden), range)) return refusal('RangeForbidden', shown, `has ${what} (${forbidden})`);
  const largest = policy.largest[range.family];
  if (range.prefixLength < largest) return refusal('RangeTooLarge', shown, `is larger than a /${largest}`);
  if (![...PRIVATE.map(parseCidr), ...policy.consented].some((allowed) => covers(allowed, range)))
    return refusal('RangeNotPrivate', shown, `is outside the private ranges (${PRIVATE.join(', ')})`);
  return range;
}

export interface AnnouncementCheck {
  /** In the order of the announcement. */
  readonly accepted: readonly Cidr[];
  /** One per refused range, and one for all that came after the greatest number. */
  readonly refused: readonly IpamError[];
}

/**
 * The whole announcement of one peer: besides `checkAnnouncedRange`, the first `maxRanges` only, none that overlaps one
 * before it (`RangeOverlapping`), and no more addresses in all than the policy has (`TooManyRanges`). A refused range takes
 * nothing from the others.
 */
export function checkAnnouncedRanges(
  texts: readonly string[],
  policy = DEFAULT_ANNOUNCEMENT_POLICY,
): AnnouncementCheck {
  const accepted: Cidr[] = [];
  const refused: IpamError[] = [];
  const left = { 4: sizeOf(4, policy.largest[4]), 6: sizeOf(6, policy.largest[6]) };
  for (const text of texts.slice(0, policy.maxRanges)) {
    const range = checkAnnouncedRange(text, policy);
    const verdict = range instanceof IpamError ? range : (withOthers(range, accepted, left[range.family]) ?? range);
    if (verdict instanceof IpamError) {
      refused.push(verdict);
      continue;
    }
    accepted.push(verdict);
    left[verdict.family] -= sizeOf(verdict.family, verdict.prefixLength);
  }
  const surplus = texts.length - policy.maxRanges;
  if (surplus > 0)
    refused.push(
      refusal('TooManyRanges', `the last ${surplus} ranges`, `a peer may announce ${policy.maxRanges} ranges`),
    );
  return { accepted, refused };
}

function withOthers(range: Cidr, others: readonly Cidr[], left: bigint): IpamError | undefined {
  const other = others.find((one) => overlaps(one, range));
  if (other !== undefined)
    return refusal('RangeOverlapping', formatCidr(range), `overlaps ${formatCidr(other)} of the same peer`);
  if (sizeOf(range.family, range.prefixLength) > left)
    return refusal('TooManyRanges', formatCidr(range), 'has more addresses than are left to that peer');
  return undefined;
}

function sizeOf(family: Family, prefixLength: number): bigint {
  return 1n << BigInt(BITS[family] - prefixLength);
}

function refusal(code: IpamError['code'], where: string, why: string): IpamError {
  return new IpamError(code, { attempted: 'accept a range of a peer', where, why });
}
