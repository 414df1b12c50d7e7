import { CONDITION } from '#pkg/api';
import { KubeError, type Pod, POD } from '#pkg/kube';
import type { ConditionContext } from './conditions.ts';
import { PodError } from './errors.ts';
import type { Interner } from './interner.ts';
import { annotationStep, type JsonPatchStep, testUid } from './json-patch.ts';
import { type PatchDeps, patchRemote } from './patch-remote.ts';
import type { PodReflectorDeps } from './pod-deps.ts';
import { noteWritten, type PodNotes } from './pod-memory.ts';
import { conditionOf, isTerminal, type PodStatus } from './pod-types.ts';
import type { ProviderLink } from './provider-link.ts';
import type { Refusal } from './refusal.ts';
import { formatRestartsBefore, RESTARTS_BEFORE, type RestartsBefore, restartOffset } from './restarts.ts';
import { type OwnField, type StatusPatch, statusPatch } from './status-patch.ts';
import { storedLocalPod } from './stored-pod.ts';
import { toAbsentStatus, toLocalStatus } from './to-local-status.ts';
import { wrappingOf } from './wrapping.ts';

/** Changes that come close together are written once: a start is a handful of changes within a second. */
const HOLD_MS = 300;
/** While the remote pod starts without trouble, the next change is the one that matters. */
const STARTING_HOLD_MS = 1_000;
/** A refusal whose numbers change is written again at most so often. */
const SAME_REFUSAL_MS = 10_000;

/** What the status is made from. */
export interface Shown {
  readonly remote: Pod | undefined;
  /** CamelCase: why there is no remote pod to show. */
  readonly absent: string | undefined;
  readonly refusal: Refusal | undefined;
}

export interface StatusWriter {
  /**
   * Makes the local status what `shown` says, if it is not. Resolves with the time after which to look again where the
   * change is held back.
   */
  write(local: Pod, shown: Shown, notes: PodNotes, signal: AbortSignal): Promise<number | undefined>;
  /** Writes a status at once. */
  writeNow(local: Pod, status: PodStatus, notes: PodNotes, signal: AbortSignal): Promise<void>;
}

export function statusWriter(
  deps: PodReflectorDeps & {
    readonly link: ProviderLink;
    readonly interner: Interner;
    readonly nodeIsReady: () => boolean | undefined;
  },
): StatusWriter {
  const { home, remote: provider, clock, events, log } = deps;
  const conditionContext = (): ConditionContext => ({ nodeIsReady: deps.nodeIsReady(), now: clock.wall() });

  /** The counts of a remote pod that took over, written onto it first: only then may they be shown (POD-19). */
  const restartsBefore = async (local: Pod, remote: Pod, notes: PodNotes, signal: AbortSignal) => {
    if (notes.restarts !== undefined && notes.restarts.remoteUid === remote.metadata.uid) return notes.restarts.before;
    const { before, isNew } = restartOffset(local, remote);
    if (!isNew) return before;
    await noteRestarts(remote, before, deps, signal);
    notes.restarts = { remoteUid: remote.metadata.uid, before };
    const { namespace = '', name } = remote.metadata;
    events.event(asPod(local), 'Warning', 'RemoteRecreated', `${provider.peer}: runs anew as ${namespace}/${name}`);
    return before;
  };

  const wantedStatus = async (local: Pod, shown: Shown, notes: PodNotes, signal: AbortSignal): Promise<PodStatus> => {
    const { remote, absent, refusal } = shown;
    if (remote === undefined) return toAbsentStatus(local, absent ?? 'RemotePodMissing', refusal, conditionContext());
    return toLocalStatus(local, remote, {
      ...conditionContext(),
      peer: provider.peer,
      nodeAddress: deps.nodeAddress(),
      translate: deps.translate,
      wrapping: wrappingOf(local),
      restartsBefore: await restartsBefore(local, remote, notes, signal),
      refusal,
    });
  };

  const send = async (local: Pod, patch: StatusPatch, notes: PodNotes, signal: AbortSignal): Promise<void> => {
    const { name, namespace, uid, resourceVersion } = local.metadata;
    const ref = { name, ...(namespace !== undefined && { namespace }) };
    // A UID in the body is a precondition: never the status of another pod of that name. And never a phase over one that
    // somebody here has set meanwhile, for that may be Failed (POD-25).
    const body = { metadata: { uid, ...(hasPhase(patch) && { resourceVersion }) }, status: patch };
    const answer = await home.client.patch(POD, ref, body, { type: 'strategic', subresource: 'status', signal });
    noteWritten(notes, local, storedLocalPod(answer, deps.interner));
    notes.dirtySinceMs = undefined;
  };

  const sendTolerantly = async (local: Pod, patch: StatusPatch, notes: PodNotes, signal: AbortSignal) => {
    try {
      await send(local, patch, notes, signal);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      // Gone, or another pod has the name by now; the cache will say so.
      if (error.isNotFound || (error.isConflict && !hasPhase(patch))) return;
      if (error.isConflict) throw outdated(local, error);
      if (!error.isInvalid) throw error;
      const rest = withoutRefused(patch, error);
      events.event(asPod(local), 'Warning', 'FailedReflection', `part of the status was refused: ${error.why}`);
      log.warn({ pod: `${local.metadata.namespace}/${local.metadata.name}`, why: error.why }, 'status refused');
      if (Object.keys(rest).length > 0) await send(local, rest, notes, signal);
      notes.refusedPatch = JSON.stringify(patch);
    }
  };

  return {
    async write(local, shown, notes, signal) {
      if (isTerminal(local)) return undefined;
      const wanted = await wantedStatus(local, shown, notes, signal);
      const patch = statusPatch(local.status, wanted);
      if (patch === undefined || JSON.stringify(patch) === notes.refusedPatch) {
        notes.dirtySinceMs = undefined;
        return undefined;
      }
      const waitMs = waitBefore(local, wanted, patch, shown, notes, clock.now());
      if (waitMs > 0) return waitMs;
      await sendTolerantly(local, patch, notes, signal);
      tell(local, shown.refusal, notes);
      return undefined;
    },
    async writeNow(local, status, notes, signal) {
      const patch = isTerminal(local) ? undefined : statusPatch(local.status, status);
      if (patch !== undefined) await sendTolerantly(local, patch, notes, signal);
    },
  };

  function tell(local: Pod, refusal: Refusal | undefined, notes: PodNotes): void {
    if (refusal === undefined) return;
    const before = conditionOf(local, CONDITION.offloaded);
    if (before?.reason === refusal.reason && before.message?.startsWith(refusal.message)) return;
    notes.refusalWrittenMs = clock.now();
    const isFailure = FAILURES.has(refusal.reason);
    const message = isFailure ? `${refusal.reason}: ${refusal.message}` : refusal.message;
    events.event(asPod(local), 'Warning', isFailure ? 'FailedReflection' : refusal.reason, message);
  }
}

/** Reasons that mean "cannot be copied there": their event is `FailedReflection`, as for every other kind. */
const FAILURES: ReadonlySet<string> = new Set(['NameTaken', 'PodSecurity', 'Refused', 'Unsupported']);

/** How long to wait before `patch` is written; 0: now. Notes when the difference was first seen. */
function waitBefore(
  local: Pod,
  wanted: PodStatus,
  patch: StatusPatch,
  shown: Shown,
  notes: PodNotes,
  nowMs: number,
): number {
  if (isUrgent(local, wanted, shown)) return 0;
  notes.dirtySinceMs ??= nowMs;
  const isStarting = shown.remote?.status?.phase === 'Pending' && shown.refusal === undefined;
  const heldMs = nowMs - notes.dirtySinceMs;
  const held = (isStarting ? STARTING_HOLD_MS : HOLD_MS) - heldMs;
  if (held > 0) return held;
  return onlySentenceChanged(local, patch, shown) ? notes.refusalWrittenMs + SAME_REFUSAL_MS - nowMs : 0;
}

/** What Services, controllers and people wait for: the end, and readiness. */
function isUrgent(local: Pod, wanted: PodStatus, shown: Shown): boolean {
  if (wanted.phase === 'Succeeded' || wanted.phase === 'Failed') return true;
  if (shown.remote === undefined) return false;
  const ready = (status: PodStatus | undefined) =>
    status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
  return ready(local.status) !== ready(wanted);
}

function onlySentenceChanged(local: Pod, patch: StatusPatch, { refusal }: Shown): boolean {
  const fields = Object.keys(patch) as OwnField[];
  const standing = conditionOf(local, CONDITION.offloaded);
  return (
    refusal !== undefined && fields.length === 1 && fields[0] === 'conditions' && standing?.reason === refusal.reason
  );
}

function hasPhase(patch: StatusPatch): boolean {
  return patch.phase !== undefined;
}

function outdated({ metadata: { namespace, name } }: Pod, cause: KubeError): PodError {
  const facts = { attempted: 'write the phase', where: `Pod ${namespace}/${name}`, why: 'it changed meanwhile' };
  return new PodError('Outdated', facts, { cause });
}

/** Leaves out the fields of the status that the API server named (kubernetes-facts 5). */
function withoutRefused(patch: StatusPatch, error: KubeError): StatusPatch {
  const refused = new Set(
    (error.details?.causes ?? []).map(({ field = '' }) => /^status\.([A-Za-z]+)/.exec(field)?.[1] ?? ''),
  );
  const entries = Object.entries(patch).filter(([field]) => !refused.has(field));
  return refused.size === 0 || entries.length === Object.keys(patch).length ? {} : Object.fromEntries(entries);
}

/**
 * Only onto the version that the offset was computed from: two replicas that both think the node is theirs cannot count
 * one re-creation twice.
 */
async function noteRestarts(remote: Pod, before: RestartsBefore, deps: PatchDeps, signal: AbortSignal): Promise<void> {
  const { resourceVersion } = remote.metadata;
  const steps: JsonPatchStep[] = [
    testUid(remote),
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    annotationStep(remote, RESTARTS_BEFORE, formatRestartsBefore(before)),
  ];
  await patchRemote('Pod', remote, steps, deps, signal);
}

/** Events name kind and version of what they are about; objects of a cache may lack both. */
export function asPod(pod: Pod): Pod & { apiVersion: string; kind: string } {
  return { ...pod, apiVersion: 'v1', kind: 'Pod' };
}
