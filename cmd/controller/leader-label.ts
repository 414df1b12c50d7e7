import { LABEL } from '#pkg/api';
import { isNotFound, type KubeClient, POD } from '#pkg/kube';
import { type Clock, decorrelatedJitter, type Log, messageOf } from '#pkg/runtime';

export interface LeaderLabelOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly podName: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** The label `tombolo.io/leader: "true"` on our own pod, by which the Service of the quota webhook finds the leader. */
export interface LeaderLabel {
  /** Says whether this replica leads now; returns at once. */
  set(isLeading: boolean): void;
  /** Makes the label true to what was said last, until `signal` aborts; then takes it off. */
  run(signal: AbortSignal): Promise<void>;
}

/** The process ends soon after its signal: one try in this time, and a pod that is gone has no label. */
const LAST_REMOVAL_MS = 3_000;

/**
 * Lives as long as the process, not as long as a term: a leader that lost its lease because the API server was away
 * cannot take the label off before the API server is back, and until then two pods would carry it.
 */
export function leaderLabel({ client, namespace, podName, clock, log }: LeaderLabelOptions): LeaderLabel {
  let wanted = false;
  /** Unknown at start: a container that was restarted in its pod may have left it. */
  let stands: boolean | undefined;
  let wake = Promise.withResolvers<void>();

  const write = async (value: boolean, signal: AbortSignal) => {
    const body = { metadata: { labels: { [LABEL.leader]: value ? 'true' : null } } };
    await client.patch(POD, { namespace, name: podName }, body, { type: 'merge', signal });
    stands = value;
  };
  const change = (signal: AbortSignal) =>
    new Promise<void>((done) => {
      if (signal.aborted) done();
      signal.addEventListener('abort', () => done(), { once: true });
      wake.promise.then(done, done);
    });

  return {
    set(isLeading) {
      wanted = isLeading;
      wake.resolve();
    },
    async run(signal) {
      const wait = decorrelatedJitter({ minMs: 200, maxMs: 5_000 });
      while (!signal.aborted) {
        wake = Promise.withResolvers();
        try {
          if (stands !== wanted) await write(wanted, signal);
          wait.reset();
          await change(signal);
        } catch (error) {
          if (signal.aborted) break;
          log.warn({ error: messageOf(error) }, 'the label of the leader could not be written; tried again');
          await clock.sleep(wait.next(), signal).catch(() => {}); // aborted: the loop ends
        }
      }
      if (stands === false) return;
      await write(false, AbortSignal.timeout(LAST_REMOVAL_MS)).catch((error: unknown) => {
        if (!isNotFound(error)) log.warn({ error: messageOf(error) }, 'the label of the leader could not be removed');
      });
    },
  };
}
