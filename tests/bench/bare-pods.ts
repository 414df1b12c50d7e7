import { connectCluster, type KubeClient, KubeError, loadKubeconfig, type Pod, POD } from '#pkg/kube';
import type { TestCluster } from '../e2e/bed.ts';

/** Requests at a time, about as many as a controller has under way for the pods of one owner. */
const PARALLEL = 20;

const MAX_ATTEMPTS = 5;
const RETRY_MS = 1_000;

export interface BarePods {
  readonly namespace: string;
  readonly count: number;
  readonly spec: NonNullable<Pod['spec']>;
  readonly deadlineMs: number;
}

/**
 * Creates pods that no controller owns and waits until all of them are Ready. By one POST each and one watch: `kubectl`
 * would be what is measured. @throws Error where they are not Ready in time, with how many are
 */
export async function createBarePods(where: TestCluster, options: BarePods): Promise<void> {
  const { namespace, count, spec, deadlineMs } = options;
  await using cluster = connectCluster({ ...(await loadKubeconfig(where.kubeconfig)), name: where.name });
  const informer = cluster.informer(POD, { namespace });
  const ready = new Set<string>();
  const allReady = Promise.withResolvers<void>();
  informer.on((_, pod) => {
    if (pod === undefined || !isReady(pod)) return;
    ready.add(pod.metadata.name);
    if (ready.size === count) allReady.resolve();
  });
  const stop = new AbortController();
  const deadline = setTimeout(
    () => allReady.reject(new Error(`${ready.size} of ${count} bare pods are Ready after ${deadlineMs / 1000} s`)),
    deadlineMs,
  );
  const watching = informer.run(stop.signal);
  try {
    await informer.synced;
    const numbers = Array.from({ length: count }, (_, index) => index).values();
    const create = async (): Promise<void> => {
      for (const number of numbers) {
        const metadata = { namespace, name: `burst-${number}`, labels: { app: 'burst' } };
        await createAgain(cluster.client, { metadata, spec });
      }
    };
    await Promise.all([allReady.promise, ...Array.from({ length: PARALLEL }, create)]);
  } finally {
    clearTimeout(deadline);
    stop.abort();
    await watching;
  }
}

/** As a controller would: a busy machine lets a webhook run into its time-out, and that pod is simply made later. */
async function createAgain(client: KubeClient, pod: Pod): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.create(POD, pod);
      return;
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      if (attempt > 1 && error.isAlreadyExists) return; // the answer of an earlier attempt was lost
      if (attempt === MAX_ATTEMPTS || !error.retryable) throw error;
      await new Promise((next) => setTimeout(next, attempt * RETRY_MS));
    }
  }
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}
