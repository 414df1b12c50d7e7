import { Resolver } from 'node:dns/promises';

export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Host name without a final dot; empty for the root, which says that there is no such service (RFC 2782). */
  readonly target: string;
}

/** What a lookup needs of DNS. A name or type that does not exist gives an empty list; no answer throws. */
export interface DnsResolver {
  srv(name: string): Promise<SrvRecord[]>;
  /** The strings of each TXT record, as bytes. */
  txt(name: string): Promise<Uint8Array[][]>;
  /** Addresses of both families, IPv4 first. */
  addresses(name: string): Promise<string[]>;
  /** Ends what is under way with an error. */
  cancel(): void;
}

/** Two tries of 1 s and 2 s: a resolver that does not answer is known within 3 s (PEER-08: within 5 s). */
const TIMEOUT = { timeout: 1_000, tries: 2 };

const ABSENT = new Set(['ENOTFOUND', 'ENODATA']);

/** @param server `IP` or `IP:port`; absent: those of the host, or of the pod */
export function dnsResolver(server?: string): DnsResolver {
  const resolver = new Resolver(TIMEOUT);
  if (server !== undefined) resolver.setServers([server]);
  const orNone = async <T>(answer: Promise<T[]>): Promise<T[]> => {
    try {
      return await answer;
    } catch (error) {
      if (ABSENT.has((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  };
  return {
    srv: async (name) =>
      (await orNone(resolver.resolveSrv(name))).map(({ name: target, ...rest }) => ({ ...rest, target })),
    // Node gives each byte of a TXT string as one character.
    txt: async (name) =>
      (await orNone(resolver.resolveTxt(name))).map((record) => record.map((text) => Buffer.from(text, 'latin1'))),
    async addresses(name) {
      const [v4, v6] = await Promise.all([orNone(resolver.resolve4(name)), orNone(resolver.resolve6(name))]);
      return [...v4, ...v6];
    },
    cancel: () => resolver.cancel(),
  };
}
