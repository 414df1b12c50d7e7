import { type Address, formatAddress } from './address.ts';
import { type Cidr, contains, formatCidr } from './cidr.ts';
import { CidrError } from './errors.ts';

/**
 * How far `address` is from the first address of `range`, which is the host bits of it.
 * @throws CidrError `UnequalRanges` where the range does not contain the address
 */
export function hostPart(address: Address, range: Cidr): bigint {
  if (!contains(range, address))
    throw new CidrError('UnequalRanges', formatAddress(address), `is not in ${formatCidr(range)}`);
  return address.value - range.first;
}

/**
 * The address of `to` with the host bits that `address` has in `from`: what prefix NAT makes of a packet. The inverse is
 * the same with the ranges exchanged.
 * @throws CidrError `UnequalRanges` where the ranges differ in family or length, or `from` does not contain the address
 */
export function translate(address: Address, from: Cidr, to: Cidr): Address {
  if (from.family !== to.family || from.prefixLength !== to.prefixLength)
    throw new CidrError('UnequalRanges', formatCidr(from), `and ${formatCidr(to)} differ in family or length`);
  return { family: to.family, value: to.first | hostPart(address, from) };
}
