import type { DiscoveredCluster, PeeringRequestSpec, PeeringRule } from '#pkg/api';

/** What people have decided beforehand. Without a PeeringRule nothing happens by itself. */
export interface Rules {
  /** The rule that accepts a request; the first by name, so that two rules have one answer. */
  accepting(request: Pick<PeeringRequestSpec, 'fingerprint'>): PeeringRule | undefined;
  /** The rule by which a cluster that was found is asked. */
  asking(found: DiscoveredCluster): PeeringRule | undefined;
}

/**
 * @param rules all that there are now
 * @param found all clusters that were found; a request matches a domain only through a record there with its very key
 */
export function rulesOf(rules: () => readonly PeeringRule[], found: () => readonly DiscoveredCluster[]): Rules {
  const of = (action: PeeringRule['spec']['action']) =>
    rules()
      .filter(({ spec, metadata }) => spec.action === action && metadata.deletionTimestamp === undefined)
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const isMeant = ({ spec }: PeeringRule, fingerprint: string, records: readonly DiscoveredCluster[]): boolean => {
    if (spec.fingerprint !== undefined && spec.fingerprint !== fingerprint) return false;
    // The schema refuses a rule without both; one that slipped past it means nobody.
    if (spec.domain === undefined) return spec.fingerprint !== undefined && spec.labels === undefined;
    return records.some((record) => record.spec.fingerprint === fingerprint && isListed(spec, record));
  };
  return {
    accepting: ({ fingerprint }) => of('Accept').find((rule) => isMeant(rule, fingerprint, found())),
    asking: (record) =>
      record.status?.state === 'Available'
        ? of('Ask').find((rule) => isMeant(rule, record.spec.fingerprint, [record]))
        : undefined,
  };
}

/** A record of the LAN never counts for a domain: whoever is on the link writes what he likes. */
function isListed({ domain, labels = {} }: PeeringRule['spec'], { spec, status }: DiscoveredCluster): boolean {
  if (spec.source !== 'DNS' || status?.state !== 'Available') return false;
  if (spec.domain === undefined || canonical(spec.domain) !== canonical(domain ?? '')) return false;
  return Object.entries(labels).every(([key, value]) => spec.labels?.[key] === value);
}

/** DNS names are compared without case and final dot (RFC 4343). */
function canonical(domain: string): string {
  return domain.toLowerCase().replace(/\.$/, '');
}
