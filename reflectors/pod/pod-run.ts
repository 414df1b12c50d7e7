import type { Informer, Pod } from '#pkg/kube';
import type { Asked } from './asked.ts';
import type { GrantLedger } from './grant-ledger.ts';
import type { ReferenceCheck } from './missing-references.ts';
import type { Facts, Plan } from './plan.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import type { PodMemory, PodNotes } from './pod-memory.ts';
import type { ProviderLink } from './provider-link.ts';
import type { RemoveDeps } from './remove-remote.ts';
import type { StatusWriter } from './status-writer.ts';
import type { TokenKeeper } from './token-keeper.ts';
import type { TwinWatches } from './twin-watches.ts';

/** Everything that a run needs, built once by `pod-reflector.ts`. */
export interface PodParts {
  readonly deps: PodReflectorDeps;
  readonly locals: Informer<Pod>;
  readonly watches: TwinWatches;
  readonly link: ProviderLink;
  readonly memory: PodMemory;
  readonly ledger: GrantLedger;
  readonly references: ReferenceCheck;
  readonly writer: StatusWriter;
  readonly tokens: TokenKeeper;
  readonly removing: RemoveDeps;
  /** Looks again at pods that the grant had no room for. */
  readonly onRoom: () => void;
}

/** One look at one pod: what is, what is remembered of it, and what is to be done. */
export interface PodRun {
  readonly namespace: string;
  readonly podUid: string;
  readonly facts: Facts;
  /** Undefined where the local pod is gone. */
  readonly asked: Asked | undefined;
  readonly notes: PodNotes;
  readonly plan: Plan;
}

/** A pod that was refused is tried again after this time: "retried by itself", at most 30 s after the cause is gone. */
export const RETRY_MS = 10_000;
/** A predecessor of the same name is going; its deletion normally wakes us first. */
export const PREDECESSOR_MS = 1_000;
/** A cache that was behind has caught up by then. */
export const OUTDATED_MS = 300;
