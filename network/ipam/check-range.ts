import { type Cidr, CidrError, covers, formatCidr, overlaps, parseCidr } from '#network/cidr';

const NEVER = [
  ['0.0.0.0/8', '“this network”'],
  ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'reserved'],
  ['::/127', 'unspecified or loopback'],
  ['::ffff:0:0/96', 'mapped IPv4'],
  ['fe80::/10', 'link-local'],
  ['ff00::/8', 'multicast'],
].map(([text = '', why = '']) => ({ range: parseCidr(text), why }));

/** RFC 1918, RFC 6598, RFC 4193. Anything else may belong to somebody on the Internet, and is never used as it is. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'].map(parseCidr);

/** Shortest prefix that a peer may announce: more addresses than that no cluster has. */
const SHORTEST = { 4: 8, 6: 32 } as const;

/**
 * A range as a peer announced it: a hint from outside, which would become a route here (NET-07).
 * @returns the range, or why it is refused: how the sentence about it goes on
 */
export function checkAnnouncedRange(text: string): { range: Cidr } | { why: string } {
  let range: Cidr;
  try {
    range = parseCidr(text);
  } catch (error) {
    if (error instanceof CidrError) return { why: error.why };
    throw error;
  }
  if (range.prefixLength === 0) return { why: 'is all addresses there are' };
  const never = NEVER.find((entry) => overlaps(entry.range, range));
  if (never !== undefined) return { why: `overlaps ${formatCidr(never.range)}, which is ${never.why}` };
  const shortest = SHORTEST[range.family];
  if (range.prefixLength < shortest) return { why: `is larger than a /${shortest}` };
  return { range };
}

/** Whether a range may keep its own addresses here. Others are seen under an alias. */
export function isPrivate(range: Cidr): boolean {
  return PRIVATE.some((block) => covers(block, range));
}
