/** For people to compare by eye or by phone: the first 64 bits in four groups, `1a2b-3c4d-5e6f-7081`. */
export function shortFingerprint(fingerprint: string): string {
  return (fingerprint.slice(0, 16).match(/.{4}/g) ?? []).join('-');
}
