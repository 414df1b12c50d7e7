import { NAME, type Offloading, type OffloadingSpec, podStrategy } from '#pkg/api';
import { type NamespaceFacts, whyReserved } from '../reserved.ts';
import { selectorProblem } from '../selector.ts';
import { type AdmissionResponse, denied } from './review.ts';

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Whether an Offloading may be stored (REF-05, REF-06), with the sentence for each refusal, and a warning where a change
 * leaves running pods behind (REF-21). Pure. Setting the namespace label is the caller's: this function writes nothing.
 * @param old the stored object on an update
 * @param namespace facts of its namespace, as far as they are known
 */
export function admitOffloading(
  offloading: Offloading,
  old: Offloading | undefined,
  namespace: NamespaceFacts,
): AdmissionResponse {
  // While it ends only finalizers and annotations change; refusing those would keep it for ever.
  if (offloading.metadata.deletionTimestamp !== undefined) return { allowed: true };
  const problem =
    whyReserved(namespace) ?? nameProblem(offloading) ?? specProblem(offloading.spec) ?? twinChange(offloading, old);
  if (problem !== undefined) return denied(problem);
  return { allowed: true, warnings: old === undefined ? [] : narrowing(offloading.spec, old.spec) };
}

function nameProblem(offloading: Offloading): string | undefined {
  const { name } = offloading.metadata;
  if (name === NAME.offloading) return undefined;
  return `an Offloading is named ${NAME.offloading}, not ${name}: there is one per namespace`;
}

function specProblem(spec: OffloadingSpec): string | undefined {
  if (spec.podStrategy !== undefined && !podStrategy.safeParse(spec.podStrategy).success) {
    return `podStrategy “${spec.podStrategy}” must be one of ${podStrategy.options.join(', ')}`;
  }
  const { twin } = spec;
  if (twin?.strategy === 'Named' && (twin.name === undefined || twin.name === '')) {
    return 'twin strategy Named needs twin.name';
  }
  if (twin !== undefined && twin.strategy !== 'Named' && twin.name !== undefined) {
    return `twin.name belongs to strategy Named, not to ${twin.strategy}`;
  }
  if (twin?.name !== undefined && !DNS_LABEL.test(twin.name)) {
    return `twin.name “${twin.name}” is not the name of a namespace: a-z, 0-9 and -, at most 63 characters`;
  }
  return selectorProblem(spec.peerSelector);
}

function twinChange(offloading: Offloading, old: Offloading | undefined): string | undefined {
  if (old?.status?.activated !== true || sameTwin(offloading.spec.twin, old.spec.twin)) return undefined;
  return 'the twin setting cannot change any more: twins were made by it; end the offloading and begin again';
}

/** Absent means Default. */
function sameTwin(a: OffloadingSpec['twin'], b: OffloadingSpec['twin']): boolean {
  return (a?.strategy ?? 'Default') === (b?.strategy ?? 'Default') && a?.name === b?.name;
}

function narrowing(spec: OffloadingSpec, old: OffloadingSpec): string[] {
  const strategy = spec.podStrategy ?? 'LocalAndRemote';
  const before = old.podStrategy ?? 'LocalAndRemote';
  const isNarrower =
    (strategy !== before && strategy !== 'LocalAndRemote') ||
    (spec.peerSelector !== undefined && JSON.stringify(spec.peerSelector) !== JSON.stringify(old.peerSelector));
  if (!isNarrower) return [];
  return ['pods that exist stay where they are; restart their controllers to place them by the new setting'];
}
