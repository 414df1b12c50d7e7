import { FINALIZER, type Offloading } from '#pkg/api';
import type { Namespace } from '#pkg/kube';
import { ageOf, isLabelRemovalNoted, LABEL_REMOVED, MADE_BY_LABEL } from '../label-removal.ts';
import { hasOffloadLabel, whyReserved } from '../reserved.ts';

/** The one thing to do next for a namespace. */
export type OffloadingStep =
  /** Nothing is offloaded and nothing is wanted; claims that an earlier offloading left behind go. */
  | { readonly do: 'clear' }
  /** The label has no effect there (REF-06). */
  | { readonly do: 'refuse'; readonly why: string }
  /** Label without object: make the object, once the label has stood for a moment. */
  | { readonly do: 'create' }
  /** Object without label, never worked on: bring the label (REF-02). */
  | { readonly do: 'label' }
  | { readonly do: 'addFinalizer' }
  /** The label was removed: note when, and look again. */
  | { readonly do: 'noteLabelRemoval' }
  /** It came back before anything was ended. */
  | { readonly do: 'forgetLabelRemoval' }
  /** The label is gone for good: the object goes too. */
  | { readonly do: 'delete' }
  | { readonly do: 'wait'; readonly ms: number }
  /** The object was deleted: the label goes too. */
  | { readonly do: 'removeLabel' }
  | { readonly do: 'end' }
  | { readonly do: 'run' };

/** A label that is gone for less than this may be on its way back (REF-04), and ending evicts pods. */
export const LABEL_SETTLE_MS = 1_000;
/** An object that the label made waits so long for a user's own one before it claims (fact 19). */
export const OWN_OBJECT_MS = 2_000;

/**
 * What to do for a namespace, from its label and its Offloading, which may arrive and leave in any order. Pure.
 * @param offloading the object named `offloading` in it
 */
export function decideOffloading(namespace: Namespace, offloading: Offloading | undefined, now: Date): OffloadingStep {
  const isLabelled = hasOffloadLabel(namespace.metadata.labels);
  if (offloading?.metadata.deletionTimestamp !== undefined) return decideEnding(offloading, isLabelled);
  if (namespace.metadata.deletionTimestamp !== undefined) return { do: 'clear' }; // its objects are deleted next
  const why = whyReserved({ name: namespace.metadata.name, labels: namespace.metadata.labels });
  if (why !== undefined) return isLabelled || offloading !== undefined ? { do: 'refuse', why } : { do: 'clear' };
  if (offloading === undefined) return isLabelled ? { do: 'create' } : { do: 'clear' };
  return isJoined(offloading) ? decideJoined(offloading, isLabelled, now) : decideNew(offloading, isLabelled, now);
}

function decideEnding(offloading: Offloading, isLabelled: boolean): OffloadingStep {
  if (!hasFinalizer(offloading)) return { do: 'wait', ms: 500 }; // goes by itself
  if (isLabelRemovalNoted(offloading)) return { do: 'end' };
  return isLabelled ? { do: 'removeLabel' } : { do: 'noteLabelRemoval' };
}

function decideNew(offloading: Offloading, isLabelled: boolean, now: Date): OffloadingStep {
  if (!isLabelled) return { do: 'label' };
  if (!hasFinalizer(offloading)) return { do: 'addFinalizer' };
  const age = ageOf(offloading, MADE_BY_LABEL, now);
  const isUntouched = (offloading.metadata.generation ?? 1) === 1;
  if (age !== undefined && isUntouched && age < OWN_OBJECT_MS) return { do: 'wait', ms: OWN_OBJECT_MS - age };
  return { do: 'run' };
}

function decideJoined(offloading: Offloading, isLabelled: boolean, now: Date): OffloadingStep {
  const goneFor = ageOf(offloading, LABEL_REMOVED, now);
  if (isLabelled) return goneFor === undefined ? withFinalizer(offloading) : { do: 'forgetLabelRemoval' };
  if (goneFor === undefined) return { do: 'noteLabelRemoval' };
  if (goneFor < LABEL_SETTLE_MS) return { do: 'wait', ms: LABEL_SETTLE_MS - goneFor };
  return { do: 'delete' };
}

function withFinalizer(offloading: Offloading): OffloadingStep {
  return hasFinalizer(offloading) ? { do: 'run' } : { do: 'addFinalizer' };
}

function hasFinalizer(offloading: Offloading): boolean {
  return offloading.metadata.finalizers?.includes(FINALIZER.offloading) ?? false;
}

/** Whether label and object once stood together: only then does a missing label mean that it was removed. */
function isJoined(offloading: Offloading): boolean {
  return offloading.status?.summary !== undefined;
}
