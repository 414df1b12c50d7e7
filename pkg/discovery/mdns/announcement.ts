import { isIP } from 'node:net';
import type { Answer, SrvAnswer, StringAnswer, TxtAnswer } from 'dns-packet';
import { writeClaim } from '../claim.ts';
import { META, SERVICE, TTL_SECONDS } from './names.ts';

/** What a cluster tells its link of itself. */
export interface OwnCluster {
  readonly clusterName: string;
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `host:port` of the peering endpoint, best first. */
  readonly addresses: readonly string[];
}

/** The records of one cluster; every agent of it has the same ones, so they never contradict each other. */
export interface Announcement {
  readonly fingerprint: string;
  readonly instance: string;
  readonly host: string;
  readonly pointers: readonly StringAnswer[];
  readonly service: SrvAnswer;
  readonly text: TxtAnswer;
  readonly addresses: readonly StringAnswer[];
}

const FIELDS = { ttl: TTL_SECONDS, class: 'IN' } as const;
/** RFC 6762 section 10.2: who hears it forgets older data of that name. */
const UNIQUE = { ...FIELDS, flush: true } as const;

/**
 * @param suffix of the instance, where another cluster on the link has its name
 * @returns `undefined` where the endpoint has no numeric address: mDNS has no way to name a host of the DNS
 */
export function announcementOf(own: OwnCluster, suffix = ''): Announcement | undefined {
  const numeric = own.addresses.flatMap(numericOf);
  const port = numeric[0]?.port;
  if (port === undefined) return undefined;
  const instance = `${own.clusterName}-${own.fingerprint.slice(0, 8)}${suffix}.${SERVICE}`;
  const host = `tombolo-${own.fingerprint.slice(0, 16)}.local`;
  // An SRV record has one port: addresses of another one are left to those who ask.
  const hosts = numeric.filter((address) => address.port === port).slice(0, 8);
  return {
    fingerprint: own.fingerprint,
    instance,
    host,
    pointers: [
      { ...FIELDS, type: 'PTR', name: SERVICE, data: instance },
      { ...FIELDS, type: 'PTR', name: META, data: SERVICE },
    ],
    service: { ...UNIQUE, type: 'SRV', name: instance, data: { priority: 0, weight: 0, port, target: host } },
    text: { ...UNIQUE, type: 'TXT', name: instance, data: writeClaim(own).map((string) => Buffer.from(string)) },
    addresses: hosts.map(({ address }) => ({
      ...UNIQUE,
      type: isIP(address) === 6 ? 'AAAA' : 'A',
      name: host,
      data: address,
    })),
  };
}

function numericOf(text: string): { address: string; port: number }[] {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  return isIP(address) === 0 ? [] : [{ address, port: Number(match?.[3]) }];
}

/** All records; with a time to live of 0 they say goodbye (RFC 6762 section 10.1). */
export function allRecords(announcement: Announcement, ttl = TTL_SECONDS): Answer[] {
  const { pointers, service, text, addresses } = announcement;
  // Others may have the meta pointer too: our end is not the end of the service type.
  const shared = ttl === 0 ? pointers.slice(0, 1) : pointers;
  return [...shared, service, text, ...addresses].map((record) => ({ ...record, ttl }));
}
