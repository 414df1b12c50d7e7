/** Whether an IPv4 address is on the link of `address` and `netmask`. */
export function neighboursOf({ address, netmask }: { address: string; netmask: string }): (other: string) => boolean {
  const mask = bitsOf(netmask);
  const own = bitsOf(address) & mask;
  return (other) => (bitsOf(other) & mask) === own;
}

function bitsOf(address: string): number {
  return address.split('.').reduce((bits, part) => (bits << 8) | Number(part), 0);
}
