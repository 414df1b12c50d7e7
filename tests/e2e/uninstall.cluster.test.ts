/** Apart from the other tests of the command line, because here milan is without Tombolo for a while. */
import { expect } from 'vitest';
import { apart } from './apart.ts';
import type { Bed, Json, TestCluster } from './bed.ts';
import { ensurePeered, offload, test } from './fixtures.ts';
import { handMade } from './services-fixtures.ts';

/** Every object of every kind, in every namespace. */
async function everything(cluster: TestCluster): Promise<Json[]> {
  // Events tell of the past, also of ours.
  const kinds = (await cluster.kubectl('api-resources --verbs=list -o name')).trim().split('\n');
  const asked = kinds.filter((kind) => !kind.startsWith('events'));
  return (await cluster.json(['get', asked.join(','), '-A']))['items'];
}

/** Not of us: images in what was observed on a node, and records of who wrote what, also of a label that is gone. */
const RECORDS = ['status', 'managedFields', 'kubectl.kubernetes.io/last-applied-configuration'];

/** Whether an object is ours, or names us in anything but those records. */
function isOfTombolo(object: Json): boolean {
  const told = JSON.stringify(object, (key, value) => (RECORDS.includes(key) ? undefined : value));
  return told.replaceAll('tombolo.test/', '').includes('tombolo');
}

/** Links, routes, rules and packet rules of a node that are ours; those of the test bed have names like them. */
async function oursOnNode(bed: Bed, cluster: string, node: string): Promise<string> {
  const script = [
    // Of a link to a namespace that is just going `ip` says so on stderr.
    'ip -o link show 2>/dev/null | grep -oE "tombolo-(vx|wg)"',
    'ip route show table all proto 204',
    'ip rule show pref 5184',
    'nft list tables | grep -E "^table (inet|bridge) tombolo(-isolation)?$"',
  ].join('; ');
  const outcome = await bed.control(['exec', `${cluster}/${node}`, '--', 'sh', '-c', `{ ${script}; } 2>&1 || true`]);
  if (outcome.code !== 0) throw new Error(outcome.stderr);
  return outcome.stdout;
}

test('CLI-03 NET-30 uninstall refuses while something is in use, and after that leaves nothing of ours, on nodes neither', async ({
  bed,
  milan,
  rome,
}) => {
  await apart(milan, rome);
  await ensurePeered(milan, rome);
  const shop = await offload(milan, rome, `last-${process.pid.toString(36)}`);
  const asked = await milan.tombolo('uninstall --yes');
  expect(asked.code).toBe(1);
  expect(asked.stderr).toMatch(/tombolo unpeer rome/);
  expect(asked.stderr).toContain(`tombolo unoffload ${shop.name}`);
  const unoffload = await milan.tombolo(['unoffload', shop.name, '--yes']);
  expect(unoffload, unoffload.stderr).toMatchObject({ code: 0 });
  // What other people keep, with a label and an annotation of ours on it.
  await milan.kubectl(['annotate', 'namespace', shop.name, 'tombolo.io/reflect=false']);
  // What a controller that was killed in the middle of it would leave of a service affinity.
  const labels = { 'kubernetes.io/service-name': 'web' };
  const slice = (name: string, manager: string, more: object) => ({
    ...handMade(name, 'web', [{ addresses: ['192.0.2.1'] }]),
    metadata: {
      name,
      namespace: shop.name,
      labels: { ...labels, 'endpointslice.kubernetes.io/managed-by': manager, ...more },
    },
  });
  const hidden = slice('web-1', 'someone.example.com', { 'service.kubernetes.io/headless': 'tombolo' });
  await milan.apply(hidden, slice('web-1-affinity', 'affinity.tombolo.io', {}));
  const unpeer = await milan.tombolo('unpeer rome --yes');
  expect(unpeer, unpeer.stderr).toMatchObject({ code: 0 });
  const args = await installation(milan);
  const nodes = (await milan.json('get nodes'))['items'].map((node: Json) => node['metadata'].name as string);
  for (const node of nodes) expect(await oursOnNode(bed, 'milan', node)).toContain('tombolo-vx');
  try {
    const outcome = await milan.tombolo('uninstall --yes');
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    const left = (await everything(milan)).filter(isOfTombolo);
    expect(left.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`)).toEqual([]);
    expect(await milan.find(['get', 'namespace', shop.name])).toBeDefined();
    const { metadata } = (await milan.find(['-n', shop.name, 'get', 'endpointslice', 'web-1'])) ?? {};
    expect(metadata.labels).toEqual({ ...labels, 'endpointslice.kubernetes.io/managed-by': 'someone.example.com' });
    for (const node of nodes) expect(await oursOnNode(bed, 'milan', node)).toBe('');
    const again = await milan.tombolo('uninstall --yes');
    expect(again, again.stderr).toMatchObject({ code: 0 });
  } finally {
    const back = await milan.tombolo(args, { timeoutMs: 180_000 });
    expect(back, back.stderr).toMatchObject({ code: 0 });
    await milan.try(['delete', 'namespace', shop.name, '--wait=false']);
  }
});

/** The command that makes the same installation again: the image is the bed's own. */
async function installation(cluster: TestCluster): Promise<string[]> {
  const controller = await cluster.json('-n tombolo-system get deployment tombolo-controller');
  const { image } = controller['spec'].template.spec.containers[0];
  // The bed says its pod range itself: nodes tell only what of it is in use.
  const { podRanges } = (await cluster.json('get clusternetwork cluster'))['spec'];
  return ['install', '--cluster-name', cluster.name, '--image', image, '--pod-range', podRanges.join(',')];
}
