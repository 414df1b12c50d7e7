import type { LeaseRecord, LeaseStore } from '#pkg/runtime';
import type { KubeClient } from './client-interface.ts';
import { KubeError } from './errors.ts';
import { microTime } from './micro-time.ts';
import type { Ref } from './object.ts';
import { LEASE } from './resources.ts';
import type { Lease } from './types.ts';

export interface LeaseStoreOptions {
  readonly namespace: string;
  readonly name: string;
  /** Set when the Lease is created, and kept on it. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * A leader election record in a coordination.k8s.io/v1 Lease, guarded by its resourceVersion. Labels, annotations and
 * owners that others put on the Lease survive.
 */
export function kubeLeaseStore(client: KubeClient, { namespace, name, labels }: LeaseStoreOptions): LeaseStore {
  const ref: Required<Ref> = { namespace, name };
  /** Metadata of the last version seen: a replace has to send it back. */
  let last: Lease['metadata'] | undefined;

  async function write(lease: Lease, isNew: boolean, signal: AbortSignal): Promise<{ version: string } | 'conflict'> {
    try {
      const written = await (isNew
        ? client.create(LEASE, lease, { signal })
        : client.replace(LEASE, lease, { signal }));
      last = written.metadata;
      return { version: written.metadata.resourceVersion ?? '' };
    } catch (error) {
      // Somebody was faster, or has deleted it: in any case what we believed is not so any more.
      if (error instanceof KubeError && (error.isConflict || error.isAlreadyExists || (error.isNotFound && !isNew))) {
        return 'conflict';
      }
      throw error;
    }
  }

  return {
    async read(signal) {
      try {
        const lease = await client.get(LEASE, ref, { signal });
        last = lease.metadata;
        return { record: recordOf(lease), version: lease.metadata.resourceVersion ?? '' };
      } catch (error) {
        if (error instanceof KubeError && error.isNotFound) return undefined;
        throw error;
      }
    },
    write(record, version, signal) {
      const known = last?.resourceVersion === version ? last : undefined;
      const metadata: Lease['metadata'] =
        version === undefined
          ? { ...ref, ...(labels !== undefined && { labels: { ...labels } }) }
          : { ...known, ...ref, resourceVersion: version, labels: { ...known?.labels, ...labels } };
      return write({ metadata, spec: specOf(record) }, version === undefined, signal);
    },
  };
}

function recordOf({ spec = {} }: Lease): LeaseRecord {
  return {
    holder: spec.holderIdentity ?? '',
    durationMs: (spec.leaseDurationSeconds ?? 0) * 1000,
    acquiredAt: new Date(spec.acquireTime ?? 0),
    renewedAt: new Date(spec.renewTime ?? 0),
    transitions: spec.leaseTransitions ?? 0,
  };
}

function specOf(record: LeaseRecord): NonNullable<Lease['spec']> {
  return {
    holderIdentity: record.holder,
    // Whole seconds, at least one: the API takes no less. Rounded up, never shorter than the holder believes.
    leaseDurationSeconds: Math.max(1, Math.ceil(record.durationMs / 1000)),
    acquireTime: microTime(record.acquiredAt),
    renewTime: microTime(record.renewedAt),
    leaseTransitions: record.transitions,
  };
}
