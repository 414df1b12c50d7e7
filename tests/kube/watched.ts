import { type Cluster, CONFIG_MAP, type ConfigMap, type Informer, KubeError, keyOf } from '#pkg/kube';

/** An informer that runs, with a second copy built from what its handlers are told. */
export interface Watched extends AsyncDisposable {
  readonly informer: Informer<ConfigMap>;
  /** Name and value of each object: from the store. */
  state(): Record<string, string>;
  /** The same, rebuilt from the changes that handlers were told. */
  told(): Record<string, string>;
  /** Codes of the errors so far. */
  readonly errors: string[];
}

/** Watches the ConfigMaps of a namespace that carry the label `kube-test`. */
export async function watchConfigMaps(cluster: Cluster, namespace: string): Promise<Watched> {
  const informer = cluster.informer(CONFIG_MAP, { namespace, labelSelector: 'kube-test' });
  const copy = new Map<string, ConfigMap>();
  const errors: string[] = [];
  informer.onError((error) => errors.push(error instanceof KubeError ? error.code : String(error)));
  informer.on((old, current) => {
    const key = keyOf((current ?? old) as ConfigMap);
    if (copy.get(key)?.metadata.uid !== old?.metadata.uid) errors.push(`out of order: ${key}`);
    if (current === undefined) copy.delete(key);
    else copy.set(key, current);
  });
  const abort = new AbortController();
  const ended = informer.run(abort.signal);
  await informer.synced;
  return {
    informer,
    state: () => valuesOf(informer.list()),
    told: () => valuesOf([...copy.values()]),
    errors,
    async [Symbol.asyncDispose]() {
      abort.abort();
      await ended;
    },
  };
}

export function valuesOf(objects: readonly ConfigMap[]): Record<string, string> {
  const entries = objects.map((object) => [object.metadata.name, object.data?.['value'] ?? ''] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What the server holds now, by a list. */
export async function stored(cluster: Cluster, namespace: string): Promise<Record<string, string>> {
  return valuesOf((await cluster.client.list(CONFIG_MAP, { namespace, labelSelector: 'kube-test' })).items);
}

export function configMap(namespace: string, name: string, value: string): ConfigMap {
  return { metadata: { namespace, name, labels: { 'kube-test': 'yes' } }, data: { value } };
}

/** Creates, changes and deletes at random; every value occurs once. Failures of single writes are no failure. */
export async function churn(cluster: Cluster, namespace: string, writes: number, signal?: AbortSignal): Promise<void> {
  for (let i = 0; i < writes && signal?.aborted !== true; i++) {
    const ref = { namespace, name: `cm-${Math.floor(Math.random() * 20)}` };
    try {
      if (Math.random() < 0.3) await cluster.client.delete(CONFIG_MAP, ref);
      else {
        const object = configMap(namespace, ref.name, `v${i}`);
        await cluster.client.apply(CONFIG_MAP, object, { fieldManager: 'churn', force: true });
      }
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
    }
  }
}
