/**
 * Addresses and ranges of IPv4 and IPv6: strict parsing, one canonical text, exact arithmetic.
 *
 * Libraries accept octal, hex and short IPv4 (`010.0.0.1` is 8.0.0.1 for some): what we take for one range, the kernel
 * may take for another, so every text goes through here. Never resolves a name, knows no special range, and imports
 * nothing of ours. BigInt for both families.
 */
export { type Address, BITS, type Family, formatAddress, parseAddress, readAddress } from './address.ts';
export {
  type Cidr,
  compareCidrs,
  contains,
  covers,
  formatCidr,
  overlaps,
  parseCidr,
  rangeOf,
  readCidr,
} from './cidr.ts';
export { CidrError } from './errors.ts';
export { firstFree, RangeSet } from './range-set.ts';
export { hostPart, translate } from './translate.ts';
