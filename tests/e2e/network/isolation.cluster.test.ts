/** What runs at a provider for somebody is kept apart from everything else there, until its admin opens it (NET-39). */
import { expect } from 'vitest';
import { type Bed, type Json, type TestCluster, until } from '../bed.ts';
import { AGNHOST, BUSYBOX, condition, offload, remotePod, test } from '../fixtures.ts';

const containers = [
  { name: 'main', image: AGNHOST, args: ['netexec', '--http-port', '8080'] },
  { name: 'box', image: BUSYBOX, command: ['sleep', '3600'] },
];
const pod = (name: string, namespace: string, labels: object = {}, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
  spec: { terminationGracePeriodSeconds: 1, containers, ...spec },
});
const namespaceOf = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Prints the names of those places that answered within 3 s, asked all at once. An error of HTTP is an answer. */
function asking(places: Record<string, string>): string {
  const ask = ([name, place]: [string, string]) =>
    `{ out=$(timeout 3 wget -O- http://${place} 2>&1) && echo ${name} || case "$out" in *HTTP/*) echo ${name};; esac; } &`;
  return `${Object.entries(places).map(ask).join('\n')}\nwait`;
}

/** Names of the places that answer a pod, sorted. */
async function answering(cluster: TestCluster, namespace: string, name: string, places: Record<string, string>) {
  const line = ['-n', namespace, 'exec', name, '-c', 'box', '--', 'sh', '-c', asking(places)];
  return (await cluster.kubectl(line)).trim().split('\n').filter(Boolean).toSorted();
}

/** The address by which `cluster` knows one of the other's pods: both pod ranges are /16. */
async function seenBy(cluster: TestCluster, peer: string, address: string): Promise<string> {
  const { aliases } = (await cluster.json(`get peer ${peer}`))['status'].network;
  return [...aliases[0].alias.split('.').slice(0, 2), ...address.split('.').slice(2)].join('.');
}

const runningIn = (cluster: TestCluster, namespace: string, name: string) =>
  until(
    `${namespace}/${name} runs`,
    async () => {
      const { phase, podIP } = (await cluster.find(['-n', namespace, 'get', 'pod', name]))?.['status'] ?? {};
      return phase === 'Running' && (podIP as string);
    },
    60_000,
  );

async function realNodes(cluster: TestCluster): Promise<{ name: string; address: string }[]> {
  const { items } = await cluster.json('get nodes -l !tombolo.io/peer');
  return items.map(({ metadata, status }: Json) => ({
    name: metadata.name,
    address: status.addresses.find(({ type }: Json) => type === 'InternalIP').address,
  }));
}

/** Whether the host of a node of rome gets an answer. */
async function hostReaches(bed: Bed, node: string, place: string): Promise<boolean> {
  const { code } = await bed.control(['exec', `rome/${node}`, '--', 'curl', '-s', '-m', '3', `http://${place}`]);
  return code === 0;
}

test('NET-39 pods of a twin and the home of their consumer reach each other and what is offered, until the admin opens all', async ({
  bed,
  milan,
  rome,
  shop,
}) => {
  const id = shop.name.replace('shop', 'apart');
  const [own, foreign] = [`${id}-own`, `${id}-foreign`];
  const sister = await offload(milan, rome, `${id}-sister`);
  const setIsolation = (isolation: boolean) =>
    rome.kubectl(['patch', 'clusternetwork', 'cluster', '--type=merge', '-p', JSON.stringify({ spec: { isolation } })]);
  try {
    await rome.apply(namespaceOf(own), namespaceOf(foreign));
    await rome.apply(pod('own', own, { app: 'db' }), pod('twin', foreign, { 'tombolo.io/origin': 'nobody' }), {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'db', namespace: own },
      spec: { selector: { app: 'db' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    // From now on it is as the twin of another consumer; before, no grant is asked for its pod.
    await rome.kubectl(`label namespace ${foreign} tombolo.io/origin=nobody tombolo.io/component=twin`);
    await shop.create(
      remotePod('there', { containers }),
      pod('here', shop.name, {}, { nodeName: (await realNodes(milan))[0]?.name }),
    );
    await sister.create(remotePod('sister', { containers }));
    const [there, here] = [await runningIn(milan, shop.name, 'there'), await runningIn(milan, shop.name, 'here')];
    const ownAddress = await runningIn(rome, own, 'own');
    const foreignAddress = await runningIn(rome, foreign, 'twin');
    const sisterAddress = await sister.podInPhase('sister', 'Running', 60_000).then(async () => {
      const [{ status }] = (await rome.json(['-n', sister.twin, 'get', 'pods']))['items'];
      return status.podIP as string;
    });
    const [remote] = (await rome.json(['-n', shop.twin, 'get', 'pods']))['items'];
    const clusterAddress = async (namespace: string, name: string) =>
      (await rome.json(['-n', namespace, 'get', 'service', name]))['spec'].clusterIP as string;
    const [node] = await realNodes(rome);
    const fromTwin = {
      api: `${await clusterAddress('default', 'kubernetes')}:443`,
      foreign: `${foreignAddress}:8080`,
      home: `${await seenBy(rome, 'milan', here)}:8080`,
      kubelet: `${node?.address}:10250`,
      offered: await clusterAddress(own, 'db'),
      own: `${ownAddress}:8080`,
      sister: `${sisterAddress}:8080`,
    };
    const fromHome = {
      foreign: `${await seenBy(milan, 'rome', foreignAddress)}:8080`,
      own: `${await seenBy(milan, 'rome', ownAddress)}:8080`,
      there: `${there}:8080`,
    };
    const fromOwn = { foreign: `${foreignAddress}:8080`, there: `${remote.status.podIP}:8080` };
    const world = async () => {
      const [twin, home, provider] = await Promise.all([
        answering(milan, shop.name, 'there', fromTwin),
        answering(milan, shop.name, 'here', fromHome),
        answering(rome, own, 'own', fromOwn),
      ]);
      return { twin: twin.join(), home: home.join(), provider: provider.join() };
    };
    const closed = { twin: 'api,home,sister', home: 'there', provider: '' };
    const becomes = async (what: string, wanted: object) => {
      let last: object = {};
      const isSame = async () => {
        last = await world();
        return JSON.stringify(last) === JSON.stringify(wanted);
      };
      await until(what, isSame, 60_000).catch(() => expect(last).toEqual(wanted));
    };
    await becomes('kept apart', closed);
    const lookup = `nslookup db.${own}.svc.cluster.local || true`; // there is no AAAA record
    expect(await milan.kubectl(['-n', shop.name, 'exec', 'there', '-c', 'box', '--', 'sh', '-c', lookup])).toContain(
      fromTwin.offered,
    );
    for (const { name } of await realNodes(rome)) {
      // The kubelet of its own node probes a pod.
      expect(await hostReaches(bed, name, fromOwn.there), name).toBe(name === remote.spec.nodeName);
    }

    await rome.kubectl(['-n', own, 'label', 'service', 'db', 'tombolo.io/offer=milan']);
    await becomes('the Service is open', { ...closed, twin: 'api,home,offered,own,sister', home: 'own,there' });
    await rome.kubectl(['-n', own, 'label', 'service', 'db', 'tombolo.io/offer-']);
    await becomes('closed again', closed);

    const policy = () => rome.find(['-n', shop.twin, 'get', 'networkpolicy', 'tombolo-isolation']);
    expect((await policy())?.['spec'].policyTypes).toEqual(['Ingress', 'Egress']);
    await setIsolation(false);
    await becomes('everything is open', {
      twin: 'api,foreign,home,kubelet,offered,own,sister',
      home: 'foreign,own,there',
      provider: 'foreign,there',
    });
    await until('the policy goes', async () => (await policy()) === undefined);
    await setIsolation(true);
    await becomes('kept apart again', closed);
    await until('the condition says it', async () => {
      const { status, reason } = condition(await rome.find('get clusternetwork cluster'), 'Isolated') ?? {};
      return status === 'True' && reason === 'PacketRules';
    });
  } finally {
    await setIsolation(true);
    await rome.try(['delete', 'namespace', own, foreign, '--wait=false']);
    await milan.try(['delete', 'namespace', sister.name, '--wait=false']);
  }
});
