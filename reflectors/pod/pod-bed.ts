/**
 * For the cluster test of this folder: a virtual node made by hand on one cluster of the bare test bed, a twin namespace on
 * the other, and pod reflectors between them in this process. Nothing else of Tombolo runs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Cluster,
  CONFIG_MAP,
  connectCluster,
  eventRecorder,
  type KubeObject,
  LEASE,
  loadKubeconfig,
  microTime,
  NAMESPACE,
  NODE,
  type Node,
  type Pod,
  POD,
} from '#pkg/kube';
import { silentLog, systemClock } from '#pkg/runtime';
import type { Twin, TwinTable } from '#reflectors/framework';
import { createPodReflector } from './pod-reflector.ts';

export interface PodBed extends AsyncDisposable {
  readonly home: Cluster;
  readonly provider: Cluster;
  readonly namespace: string;
  readonly twin: string;
  /** Stops the reflectors as killed processes would, and starts new ones. */
  restart(): Promise<void>;
  create(pod: { metadata: Partial<Pod['metadata']>; spec: object }): Promise<Pod>;
}

/** Folder of the bed; the shared one of the checkout unless the environment names another. */
const BED = process.env['TOMBOLO_TESTBED'] ?? new URL('../../.testbed', import.meta.url).pathname;

async function connect(name: string): Promise<Cluster> {
  return connectCluster({ ...(await loadKubeconfig(`${BED}/${name}/kubeconfig`)), name });
}

export interface PodBedOptions {
  /** Stands between reflector and provider. */
  readonly through: (provider: Cluster) => Cluster;
  /** Reflectors that believe at once that the node is theirs. */
  readonly replicas: number;
}

/** @param name tells the objects of one test from those of others */
export async function podBed(name: string, { through, replicas }: PodBedOptions): Promise<PodBed> {
  const suffix = Math.random().toString(36).slice(2, 7);
  const nodeName = `${name}-${suffix}`;
  const namespace = `${name}-${suffix}`;
  const twinName = `${namespace}-milan`;
  const home = await connect('milan');
  const provider = await connect('rome');
  await home.client.create(NAMESPACE, { metadata: { name: namespace } });
  await provider.client.create(NAMESPACE, {
    metadata: { name: twinName, labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
  });
  const owner = await provider.client.create(CONFIG_MAP, { metadata: { name: 'tombolo-twin', namespace: twinName } });
  // The reflector of ConfigMaps would bring it; pods with a token of home mount it.
  await provider.client.create(CONFIG_MAP, {
    metadata: { name: 'tombolo-home-root-ca', namespace: twinName },
    data: { 'ca.crt': '' },
  });
  const stop = new AbortController();
  const node = await keepNode(home, nodeName, stop.signal);

  const twin: Twin = {
    namespace: twinName,
    state: 'Accepted',
    reason: 'Accepted',
    message: 'accepted',
    ownerUid: owner.metadata.uid ?? '',
  };
  const still: Disposable = { [Symbol.dispose]: () => {} };
  const twins: TwinTable = {
    twinOf: (ns) => (ns === namespace ? twin : undefined),
    homeOf: (ns) => (ns === twinName ? namespace : undefined),
    list: () => [{ home: namespace, twin }],
    on: () => still,
  };
  const events = eventRecorder(home.client, { component: 'pod-bed' });
  const reached = through(provider);
  const start = () => {
    const run = new AbortController();
    const reflectors = Array.from({ length: replicas }, () => reflectorOf());
    const ended = Promise.all(reflectors.map((reflector) => reflector.run(run.signal)));
    return { stop: run, ended };
  };
  const reflectorOf = () =>
    createPodReflector({
      home,
      remote: { peer: 'rome', origin: 'milan', cluster: reached },
      nodeName,
      nodeAddress: () => '198.18.0.99',
      twins,
      // Nodes of kwok, where the bed has some, only pretend to run pods.
      placement: () => ({ nodeSelector: { 'tombolo.test/real': 'true' } }),
      grant: () => ({}),
      translate: () => undefined,
      events,
      clock: systemClock,
      log: silentLog,
      isReady: () => true,
      onReadyChange: () => still,
    });
  let running = start();
  const telling = events.run(stop.signal);

  return {
    home,
    provider,
    namespace,
    twin: twinName,
    async restart() {
      running.stop.abort(new Error('killed'));
      await running.ended;
      running = start();
    },
    create: (pod: { metadata: Partial<Pod['metadata']>; spec: object }) =>
      home.client.create(POD, {
        metadata: { namespace, ...pod.metadata },
        spec: { nodeName, terminationGracePeriodSeconds: 1, ...pod.spec },
      } as Pod),
    async [Symbol.asyncDispose]() {
      running.stop.abort(new Error('over'));
      await running.ended;
      stop.abort(new Error('over'));
      await Promise.all([node.ended, telling]);
      await home.client.deleteCollection(POD, { namespace });
      for (const pod of (await home.client.list(POD, { namespace })).items) {
        await found(home.client.delete(POD, { namespace, name: pod.metadata.name }, { gracePeriodSeconds: 0 }));
      }
      for (const { metadata } of (await provider.client.list(POD, { namespace: twinName })).items) {
        const body = { metadata: { finalizers: null } }; // who would read a verdict has stopped
        await found(provider.client.patch(POD, { namespace: twinName, name: metadata.name }, body, { type: 'merge' }));
      }
      await found(home.client.delete(NODE, { name: nodeName }));
      await found(home.client.delete(NAMESPACE, { name: namespace }));
      await found(provider.client.delete(NAMESPACE, { name: twinName }));
      await home[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

/** A Ready node with a lease, renewed until the signal aborts. */
async function keepNode(home: Cluster, name: string, signal: AbortSignal): Promise<{ ended: Promise<void> }> {
  const status: Node['status'] = {
    capacity: { cpu: '64', memory: '64Gi', pods: '1000' },
    allocatable: { cpu: '64', memory: '64Gi', pods: '1000' },
    conditions: [{ type: 'Ready', status: 'True', reason: 'Test', message: 'made by hand' }],
  };
  await home.client.create(NODE, {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, type: 'virtual-kubelet' } },
    spec: { taints: [{ key: 'tombolo.io/virtual-node', value: 'rome', effect: 'NoSchedule' }] },
  });
  await home.client.patch(NODE, { name }, { status }, { type: 'merge', subresource: 'status' });
  const renew = async () => {
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime(new Date()) };
    await home.client.apply(
      LEASE,
      { metadata: { name, namespace: 'kube-node-lease' }, spec } as KubeObject & { metadata: { name: string } },
      { fieldManager: 'pod-bed', force: true },
    );
  };
  await renew();
  const loop = async () => {
    while (!signal.aborted) {
      await sleep(8_000, undefined, { signal }).catch(() => {}); // aborted: the loop ends
      if (!signal.aborted) await renew();
    }
  };
  return { ended: loop() };
}

/** The answer, or undefined where there is nothing of that name. */
async function found<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if ((error as { isNotFound?: boolean }).isNotFound === true) return undefined;
    throw error;
  }
}
