/** Everything of ours and of Kubernetes that can die is killed, one after the other, while a Job and a Deployment work. */
import { describe, expect } from 'vitest';
import { patient } from '../patience.ts';
import { type Bed, type Json, type TestCluster, until } from '../e2e/bed.ts';
import { condition, type Offloaded, remoteSet, script, test } from '../e2e/fixtures.ts';
import { collectMarkers, type Markers } from './markers.ts';

const COMPLETIONS = 30;
const PARALLELISM = 6;
const REPLICAS = 20;
const SYSTEM = ['-n', 'tombolo-system'];

describe('under load', { timeout: patient(600_000) }, () => {
  test('whatever is killed, a Job runs each index once and a Deployment is whole again', async ({
    bed,
    milan,
    rome,
    shop,
  }) => {
    const server = (await rome.kubectl(['config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}'])).trim();
    await using _open = await openTo(rome);
    await using markers = await collectMarkers(server);
    await shop.create(job(markers), deployment(markers));
    await until('the Job has begun', async () => markers.lines.length > PARALLELISM, 60_000);

    await killLeader(milan);
    await isWorking(markers);
    await killKubelet(milan);
    // New pods and deletions of old ones while the API servers are away.
    await milan.kubectl(['-n', shop.name, 'rollout', 'restart', 'deployment', 'web']);
    await isWorking(markers);
    await killApiServer(bed, milan);
    await isWorking(markers);
    await killApiServer(bed, rome);

    const end = await until('the Job is over', () => jobEnd(milan, shop), 240_000);
    expect(end).toEqual({ type: 'Complete', succeeded: COMPLETIONS, failed: 0 });
    await until('the Deployment is whole', () => isWhole(milan, shop), 240_000);
    await until('no pod is left over there', async () => (await leftOver(milan, rome, shop)).length === 0, 60_000);

    const indexes = markers.lines.filter((line) => line.startsWith('job ')).map((line) => Number(line.split(' ')[1]));
    expect(indexes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: COMPLETIONS }, (_, index) => index));
    const pods = await localPods(milan, shop);
    const web = pods.filter((pod) => pod['metadata'].labels.app === 'web');
    expect(web).toHaveLength(REPLICAS);
    expect(web.map(restarts)).toEqual(web.map((pod) => starts(markers, pod) - 1));
    expect(await twinOf(rome, shop)).toEqual(pods.map((pod) => pod['metadata'].uid).toSorted());
  });
});

/** The markers go to a machine beside the nodes, which pods of twins do not reach where they are isolated. */
async function openTo(rome: TestCluster): Promise<AsyncDisposable> {
  const set = async (isolation: false | null) => {
    const patch = JSON.stringify({ spec: { isolation } });
    await rome.kubectl(['patch', 'clusternetwork', 'cluster', '--type=merge', '-p', patch]);
    const wanted = isolation === false ? 'False' : 'True';
    const isSo = async () =>
      condition(await rome.json('get clusternetwork cluster'), 'Isolated')?.['status'] === wanted;
    await until(`Isolated is ${wanted}`, isSo, 60_000);
  };
  await set(false);
  return { [Symbol.asyncDispose]: () => set(null) };
}

/** The kill before has had its effect, and something still runs that the next one can hit. */
async function isWorking(markers: Markers): Promise<void> {
  const before = markers.lines.length;
  const jobs = () => markers.lines.filter((line) => line.startsWith('job ')).length;
  await until('pods start again', async () => markers.lines.length > before || jobs() === COMPLETIONS, 60_000);
}

/** A term may just have ended by itself: on a busy machine the lease is not always renewed in time. */
async function killLeader(milan: TestCluster): Promise<void> {
  const label = 'tombolo.io/leader=true,tombolo.io/component=controller';
  const leader = await until(
    'milan has a leader',
    async () => (await milan.json([...SYSTEM, 'get', 'pods', '-l', label]))['items'][0]?.metadata.name as string,
    60_000,
  );
  await milan.kubectl([...SYSTEM, 'delete', 'pod', leader, '--force', '--grace-period=0']);
}

/** The replica that hosts node rome: the Node has its address. */
async function killKubelet(milan: TestCluster): Promise<void> {
  const host = await until(
    'a kubelet hosts node rome',
    async () => {
      const node = await milan.json('get node rome');
      const address = node['status'].addresses.find((entry: Json) => entry['type'] === 'InternalIP')?.address;
      const pods = await milan.json([...SYSTEM, 'get', 'pods', '-l', 'tombolo.io/component=kubelet']);
      return pods['items'].find((pod: Json) => pod['status'].podIP === address)?.metadata.name as string | undefined;
    },
    60_000,
  );
  await milan.kubectl([...SYSTEM, 'delete', 'pod', host, '--force', '--grace-period=0']);
}

async function killApiServer(bed: Bed, cluster: TestCluster): Promise<void> {
  for (const verb of [
    ['stop', cluster.name, 'apiserver', '--kill'],
    ['start', cluster.name, 'apiserver'],
  ]) {
    const outcome = await bed.control(verb);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  }
  await until(`${cluster.name} answers`, async () => (await cluster.try('get --raw /readyz')).code === 0, 60_000);
}

const UID = { name: 'UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } };
const ON_ROME = { nodeSelector: { 'tombolo.io/peer': 'rome' }, terminationGracePeriodSeconds: 1 };

function job(markers: Markers): object {
  const text = `${markers.send('job $JOB_COMPLETION_INDEX')}; sleep 4`;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'once' },
    spec: {
      completions: COMPLETIONS,
      parallelism: PARALLELISM,
      completionMode: 'Indexed',
      // A pod that is lost is a failure of the Job, not a second try that hides it.
      backoffLimit: 0,
      template: {
        metadata: { labels: { app: 'once' } },
        spec: { ...ON_ROME, restartPolicy: 'Never', containers: [script(text)] },
      },
    },
  };
}

function deployment(markers: Markers): object {
  const text = `${markers.send('web $UID')}; trap "exit 0" TERM; while true; do sleep 1; done`;
  return remoteSet('Deployment', 'web', REPLICAS, { containers: [script(text, { env: [UID] })] });
}

async function jobEnd(milan: TestCluster, shop: Offloaded): Promise<object | undefined> {
  const { status } = await milan.json(['-n', shop.name, 'get', 'job', 'once']);
  const end = status.conditions?.find(
    ({ type, status: is }: Json) => (type === 'Complete' || type === 'Failed') && is === 'True',
  );
  return end && { type: end.type, succeeded: status.succeeded ?? 0, failed: status.failed ?? 0 };
}

/** @throws what is missing, for whoever reads why the test failed */
async function isWhole(milan: TestCluster, shop: Offloaded): Promise<boolean> {
  const { metadata, status } = await milan.json(['-n', shop.name, 'get', 'deployment', 'web']);
  const pods = await localPods(milan, shop);
  const counts = [status.replicas, status.updatedReplicas, status.readyReplicas];
  if (
    status.observedGeneration === metadata.generation &&
    counts.every((count) => count === REPLICAS) &&
    pods.length === REPLICAS + COMPLETIONS
  ) {
    return true;
  }
  const odd = pods.filter(
    (pod) => pod['status'].phase !== 'Succeeded' && condition(pod, 'Ready')?.['status'] !== 'True',
  );
  const told = odd.map(({ metadata: { name, deletionTimestamp }, spec, status }) => {
    const { phase, reason, conditions, containerStatuses } = status;
    return JSON.stringify({
      name,
      deletionTimestamp,
      node: spec.nodeName,
      phase,
      reason,
      conditions,
      containerStatuses,
    });
  });
  throw new Error(
    [`replicas, updated, ready: ${counts.join()}; ${pods.length} pods, not ready of them:`, ...told].join('\n'),
  );
}

async function localPods(milan: TestCluster, shop: Offloaded): Promise<Json[]> {
  return (await milan.json(['-n', shop.name, 'get', 'pods']))['items'];
}

/** UIDs of the local pods that the remote pods stand for, one for each remote pod, sorted. */
async function twinOf(rome: TestCluster, shop: Offloaded): Promise<string[]> {
  const list = await rome.json(['-n', shop.twin, 'get', 'pods']);
  return list['items']
    .map((pod: Json) => pod['metadata'].labels['tombolo.io/pod-uid'] ?? pod['metadata'].name)
    .toSorted();
}

/** Pods and wrappers over there without a pod here. */
async function leftOver(milan: TestCluster, rome: TestCluster, shop: Offloaded): Promise<string[]> {
  const uids = (await localPods(milan, shop)).map((pod) => pod['metadata'].uid);
  const list = await rome.json(['-n', shop.twin, 'get', 'pods,replicasets']);
  return list['items']
    .filter((object: Json) => !uids.includes(object['metadata'].labels['tombolo.io/pod-uid']))
    .map((object: Json) => `${object['kind']} ${object['metadata'].name}`);
}

function restarts(pod: Json): number {
  return pod['status'].containerStatuses?.[0]?.restartCount;
}

function starts(markers: Markers, pod: Json): number {
  return markers.lines.filter((line) => line === `web ${pod['metadata'].uid}`).length;
}
