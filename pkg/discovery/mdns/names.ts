/** Service type of DNS-SD (RFC 6763) on the link. */
export const SERVICE = '_tombolo._tcp.local';
/** Who asks for it wants all service types (RFC 6763 section 9). */
export const META = '_services._dns-sd._udp.local';

/** RFC 6762: IPv4 group and port. IPv6 (ff02::fb) is not used: mdns-js knows only IPv4. */
export const GROUP = '224.0.0.251';
export const PORT = 5353;

/** RFC 6762 section 10: for records that name a host; ours all live as long, so that what is gone goes soon. */
export const TTL_SECONDS = 120;
