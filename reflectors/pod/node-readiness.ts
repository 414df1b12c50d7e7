import type { PodReflectorDeps } from './pod-deps.ts';

/** What the pods are told about their node. */
export interface NodeReadiness {
  /** Undefined while nobody has judged the node yet. */
  readonly nodeIsReady: () => boolean | undefined;
  /** `handler` runs whenever the answer has changed. Call once, when the reflector starts. */
  follow(handler: () => void): Disposable;
}

/**
 * A node that is lost is not ready within this time (NODE-13). Until then "not ready" from a process that has just started
 * only means that its first probe is on its way: without this, each restart of ours would take all pods out of their
 * Services and put them back.
 */
const FIRST_JUDGEMENT_MS = 20_000;

export function nodeReadiness({ isReady, onReadyChange, clock }: PodReflectorDeps): NodeReadiness {
  let isJudged = false;
  return {
    nodeIsReady: () => (isReady() ? true : isJudged ? false : undefined),
    follow(handler) {
      const judge = () => {
        isJudged = true;
        handler();
      };
      const timer = clock.timer(judge, FIRST_JUDGEMENT_MS);
      const change = onReadyChange(judge);
      return {
        [Symbol.dispose]() {
          timer[Symbol.dispose]();
          change[Symbol.dispose]();
        },
      };
    },
  };
}
