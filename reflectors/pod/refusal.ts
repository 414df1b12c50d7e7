/** Reasons of `tombolo.io/Offloaded`=False (behaviour/README.md). */
export type RefusalReason =
  | 'NotOffloaded'
  | 'NamespaceNotReady'
  | 'NameTaken'
  | 'GrantExceeded'
  | 'GrantCordoned'
  | 'PodSecurity'
  | 'Refused'
  | 'RemoteUnschedulable'
  | 'ImagePull'
  | 'MissingReference'
  | 'VolumeNotThere'
  | 'Unsupported'
  | 'ProviderUnreachable';

/** Why a pod does not run, for its condition and event. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** One sentence of at most 300 characters that names the peer and the cause. */
  readonly message: string;
}

/** Why a resize waits, in the words of KEP-1287: `Deferred` may fit later, `Infeasible` never fits the grant (POD-63). */
export interface ResizeRefusal {
  readonly reason: 'Deferred' | 'Infeasible';
  readonly message: string;
}

/** Longest sentence on a pod: what a terminal shows in a few lines of `kubectl describe`. */
export const SENTENCE_LENGTH = 300;

/** @param text cause, without the peer's name */
export function refusal(peer: string, reason: RefusalReason, text: string): Refusal {
  const sentence = `${peer}: ${text.replaceAll(/\s+/g, ' ').trim()}`;
  return {
    reason,
    message: sentence.length <= SENTENCE_LENGTH ? sentence : `${sentence.slice(0, SENTENCE_LENGTH - 1)}…`,
  };
}

/**
 * What a refusal of the provider's API server means, by its words: they are the only thing that a ReplicaSet's
 * `ReplicaFailure` condition and the answer to a POST have in common. The grant's webhook begins with its reason.
 */
export function refusalFromText(peer: string, text: string): Refusal {
  const cause = essence(text);
  if (/\bGrantCordoned\b/.test(text)) return refusal(peer, 'GrantCordoned', cause);
  if (/\bGrantExceeded\b/.test(text)) return refusal(peer, 'GrantExceeded', cause);
  if (/violates PodSecurity/.test(text)) return refusal(peer, 'PodSecurity', cause);
  return refusal(peer, 'Refused', cause);
}

/** Without the names of generated objects and webhooks, which only lengthen the sentence. */
function essence(text: string): string {
  return text
    .replace(/^pods "[^"]*" is forbidden: /, '')
    .replace(/^admission webhook "[^"]*" denied the request: /, '')
    .replace(/^(GrantExceeded|GrantCordoned): /, '');
}
