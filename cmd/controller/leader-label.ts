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

/** The label goes within this time at the end of leading; the quota webhook of a pod that has lost the lease refuses anyway. */
const REMOVAL_MS = 3_000;

/**
 * Puts `tombolo.io/leader: "true"` on our own pod while leading, so that the Service of the quota webhook selects it.
 * A pod that crashed with the label does not matter: its process answers nothing, and a restarted one does not lead.
 */
export async function keepLeaderLabel(options: LeaderLabelOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  const wait = decorrelatedJitter({ minMs: 200, maxMs: 5_000 });
  for (let isSet = false; !isSet && !signal.aborted; ) {
    try {
      await setLabel(options, 'true', signal);
      isSet = true;
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ error: messageOf(error) }, 'the label of the leader could not be set; tried again');
      await clock.sleep(wait.next(), signal).catch(() => {}); // aborted: the loop ends
    }
  }
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
  await removeLeaderLabel(options);
}

/** Also run at start: a container that was restarted in its pod does not lead yet. */
export async function removeLeaderLabel(options: LeaderLabelOptions): Promise<void> {
  try {
    await setLabel(options, null, AbortSignal.timeout(REMOVAL_MS));
  } catch (error) {
    if (!isNotFound(error))
      options.log.warn({ error: messageOf(error) }, 'the label of the leader could not be removed');
  }
}

async function setLabel(
  { client, namespace, podName }: LeaderLabelOptions,
  value: 'true' | null,
  signal: AbortSignal,
): Promise<void> {
  await client.patch(
    POD,
    { namespace, name: podName },
    { metadata: { labels: { [LABEL.leader]: value } } },
    { type: 'merge', signal },
  );
}
