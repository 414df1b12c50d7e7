/**
 * Address arithmetic: ranges and addresses of IPv4 and IPv6 as exact numbers.
 *
 * Strict, because what is misread here becomes a route: no host bits, no leading zeros, no zones, no short forms. Knows
 * nothing of what a range is for.
 */
export {
  type Address,
  type Cidr,
  contains,
  type Family,
  firstFree,
  formatAddress,
  formatCidr,
  overlaps,
  parseAddress,
  parseCidr,
  sizeOf,
  translate,
} from './cidr.ts';
export { CidrSyntaxError } from './syntax-error.ts';
