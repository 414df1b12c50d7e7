import type { Pod } from '#pkg/kube';
import type { Clock } from '#pkg/runtime';
import { type Asked, resizePatch } from './asked.ts';
import type { GrantLedger } from './grant-ledger.ts';
import { isRefused, mergeRemotePod, type PatchDeps } from './patch-remote.ts';
import { conditionOf, type PodCondition, type PodSpec } from './pod-types.ts';
import { refusalFromText, type ResizeRefusal } from './refusal.ts';

/** What is remembered of the last resize that was sent. Lost with the process, it is sent once more. */
export interface ResizeNotes {
  /** UID of the remote pod, and the patch. */
  readonly change: string;
  /** Not sent again before (monotonic ms). */
  readonly againAtMs: number;
  readonly refused: ResizeRefusal | undefined;
}

/** Refused for want of room, it is tried again after this time, like a pod (POD-70). */
const RETRY_MS = 10_000;

/**
 * The same change is not repeated within this time. Normally one is enough; an admission webhook there that sets sizes of
 * its own would have us write without end.
 */
const REPEAT_MS = 60_000;

export interface ResizePlan {
  /** To be sent; undefined where nothing differs, the grant has no room, or it was sent a moment ago. */
  readonly patch: Partial<PodSpec> | undefined;
  /** The remote pod as it is to be shown: with the condition of a resize that waits. */
  readonly show: Pod;
  /** Look again after that time. */
  readonly recheckMs?: number;
}

/**
 * What is to be done about the size of `remote`, shown by the local pod. Takes the room in the ledger: two pods that grow
 * at once do not both get the last of it.
 */
export function planResize(
  local: Pod,
  remote: Pod,
  asked: Asked,
  { ledger, notes, clock }: { ledger: GrantLedger; notes: { resize: ResizeNotes | undefined }; clock: Clock },
): ResizePlan {
  const patch = resizePatch(asked);
  if (patch === undefined || asked.wanted.spec === undefined) {
    notes.resize = undefined;
    return { patch: undefined, show: remote };
  }
  const known = notes.resize?.change === changeOf(remote, patch) ? notes.resize : undefined;
  const waitMs = known === undefined ? 0 : known.againAtMs - clock.now();
  if (known?.refused !== undefined && waitMs > 0) {
    return { patch: undefined, show: withPending(remote, known.refused), recheckMs: waitMs };
  }
  const noRoom = ledger.resize(local.metadata.uid ?? '', asked.wanted.spec);
  if (noRoom !== undefined) return { patch: undefined, show: withPending(remote, noRoom), recheckMs: RETRY_MS };
  // What stands there is taken back only when the provider has said yes.
  const pending = known?.refused ?? conditionOf(local, PENDING);
  const show = pending === undefined ? remote : withPending(remote, pending);
  return waitMs > 0 ? { patch: undefined, show, recheckMs: waitMs } : { patch, show };
}

/** Resizes the remote pod in place. Resolves with the time after which to look again where it was refused. */
export async function sendResize(
  remote: Pod,
  patch: Partial<PodSpec>,
  {
    notes,
    clock,
    ...patching
  }: PatchDeps & { readonly notes: { resize: ResizeNotes | undefined }; readonly clock: Clock },
  signal: AbortSignal,
): Promise<number | undefined> {
  const change = changeOf(remote, patch);
  try {
    await mergeRemotePod(remote, { subresource: 'resize', spec: patch }, patching, signal);
    notes.resize = { change, againAtMs: clock.now() + REPEAT_MS, refused: undefined };
    return undefined;
  } catch (error) {
    if (!isRefused(error)) throw error;
    const refused = refusalOf(patching.remote.peer, error.why);
    const againAtMs = clock.now() + (refused.reason === 'Deferred' ? RETRY_MS : REPEAT_MS);
    notes.resize = { change, againAtMs, refused };
    return 0;
  }
}

/** Our own count has said that the grant is large enough: what the provider finds too much now may fit later. */
function refusalOf(peer: string, why: string): ResizeRefusal {
  const mayFit = /\b(GrantExceeded|GrantCordoned|NotCounting)\b/.test(why);
  return { reason: mayFit ? 'Deferred' : 'Infeasible', message: refusalFromText(peer, why).message };
}

function changeOf(remote: Pod, patch: Partial<PodSpec>): string {
  return JSON.stringify([remote.metadata.uid, patch]);
}

const PENDING = 'PodResizePending';

/** As its kubelet would say it. */
function withPending(remote: Pod, { reason, message }: Pick<PodCondition, 'reason' | 'message'>): Pod {
  const pending: PodCondition = {
    type: PENDING,
    status: 'True',
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
  const others = (remote.status?.conditions ?? []).filter(({ type }) => type !== PENDING);
  return { ...remote, status: { ...remote.status, conditions: [...others, pending] } };
}
