/** What tests, demo and benchmarks do with a bed of two peered clusters: peer, offload, and make pods there. */
import { type Json, type TestCluster, until } from './bed.ts';

/** One offloaded namespace on milan with its twin on rome, made for one test and removed after it. */
export interface Offloaded {
  /** Name of the namespace on milan. */
  readonly name: string;
  /** Name of the twin on rome. */
  readonly twin: string;
  /** Creates objects in the namespace. */
  create(...objects: object[]): Promise<void>;
  pod(name: string): Promise<Json | undefined>;
  /** Remote pods of a local pod that are not being deleted. */
  remotePods(uid: string): Promise<Json[]>;
  /** Waits for the local pod to be in that phase and returns it. */
  podInPhase(name: string, phase: string, deadlineMs?: number): Promise<Json>;
  /** Waits for the condition `tombolo.io/Offloaded`=False with that reason and returns its message. */
  whyNot(name: string, reason: string, deadlineMs?: number): Promise<string>;
}

export const BUSYBOX = 'tombolo.test/busybox:1';
export const AGNHOST = 'tombolo.test/agnhost:1';

/** Makes sure that milan consumes from that provider, and waits for the virtual node. Idempotent. */
export async function ensurePeered(milan: TestCluster, provider: TestCluster): Promise<void> {
  const outcome = await milan.tombolo([
    'peer',
    '--remote-kubeconfig',
    provider.kubeconfig,
    '--name',
    provider.name,
    '--resources',
    'cpu=8,memory=16Gi,pods=110',
  ]);
  if (outcome.code !== 0) throw new Error(`tombolo peer: exit ${outcome.code}: ${outcome.stderr}${outcome.stdout}`);
  const node = `node ${provider.name}`;
  await until(`${node} is Ready`, async () => isReady(await milan.find(`get ${node}`)), 30_000);
}

export function condition(object: Json | undefined, type: string): Json | undefined {
  return object?.['status']?.conditions?.find((entry: Json) => entry['type'] === type);
}

export function isReady(object: Json | undefined): boolean {
  return condition(object, 'Ready')?.['status'] === 'True';
}

/** Labels a fresh namespace and waits for its twin. */
export async function offload(milan: TestCluster, rome: TestCluster, name: string): Promise<Offloaded> {
  await milan.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'tombolo.io/offload': 'true' } },
  });
  const twin = await until(
    `twin of ${name} is accepted`,
    async () => {
      const offloading = await milan.find(`-n ${name} get offloading offloading`);
      const state = offloading?.['status']?.peers?.find((entry: Json) => entry['peer'] === 'rome');
      return state?.state === 'Accepted' && (state.twin as string);
    },
    60_000,
  );
  return {
    name,
    twin,
    async create(...objects) {
      await milan.apply(
        ...objects.map((object) => ({ ...object, metadata: { ...(object as Json)['metadata'], namespace: name } })),
      );
    },
    pod: (pod) => milan.find(['-n', name, 'get', 'pod', pod]),
    async remotePods(uid) {
      const list = await rome.json(['-n', twin, 'get', 'pods', '-l', `tombolo.io/pod-uid=${uid}`]);
      return list['items'].filter((pod: Json) => pod['metadata'].deletionTimestamp === undefined);
    },
    podInPhase: (pod, phase, deadlineMs = 30_000) =>
      until(
        `pod ${pod} is ${phase}`,
        async () => {
          const object = await milan.find(['-n', name, 'get', 'pod', pod]);
          return object?.['status']?.phase === phase && object;
        },
        deadlineMs,
      ),
    whyNot: (pod, reason, deadlineMs = 20_000) =>
      until(
        `pod ${pod} says ${reason}`,
        async () => {
          const found = condition(await milan.find(['-n', name, 'get', 'pod', pod]), 'tombolo.io/Offloaded');
          return found?.['status'] === 'False' && found['reason'] === reason && (found['message'] as string);
        },
        deadlineMs,
      ),
  };
}

/** A pod on the virtual node `rome`; `spec` is merged in. */
export function remotePod(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: {
      nodeSelector: { 'tombolo.io/peer': 'rome' },
      terminationGracePeriodSeconds: 1,
      ...spec,
    },
  };
}

/** A Deployment or StatefulSet of pods on the virtual node `rome`; `spec` is merged into that of the pods. */
export function remoteSet(kind: 'Deployment' | 'StatefulSet', name: string, replicas: number, spec: object): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      ...(kind === 'StatefulSet' && { serviceName: name }),
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { nodeSelector: { 'tombolo.io/peer': 'rome' }, terminationGracePeriodSeconds: 1, ...spec },
      },
    },
  };
}

/** A container that runs until it is told to stop. */
export function sleeper(extra: object = {}): object {
  return {
    name: 'main',
    image: BUSYBOX,
    command: ['sh', '-c', 'trap "exit 0" TERM; while true; do sleep 1; done'],
    ...extra,
  };
}

/** A container that runs a shell script. */
export function script(text: string, extra: object = {}): object {
  return { name: 'main', image: BUSYBOX, command: ['sh', '-c', text], ...extra };
}
