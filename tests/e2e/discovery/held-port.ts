/** The mDNS port of a node, kept by a responder that does not share it. */
import { once } from 'node:events';
import { bedFolder, nodeNamespace, readPlan } from '../../testbed/bed-folder.ts';
import type { Bed } from '../bed.ts';
import { run } from './link-host.ts';

const HOLDER = `const socket = require('node:dgram').createSocket('udp4');
socket.bind(5353, () => console.log('held'));`;

/** Takes the port of the first node of that cluster until disposed. @throws where somebody has it already */
export async function holdPort(bed: Bed, clusterName: string): Promise<AsyncDisposable> {
  const folder = bedFolder(bed.folder);
  const node = (await readPlan(folder))?.clusters.find(({ name }) => name === clusterName)?.nodes[0];
  if (node === undefined) throw new Error(`no cluster ${clusterName} in ${bed.folder}`);
  const network = `--net=/run/netns/${nodeNamespace(folder, node)}`;
  const holder = run('nsenter', [network, process.execPath, '-e', HOLDER]);
  await Promise.race([
    holder.child.stdout === null ? undefined : once(holder.child.stdout, 'data'),
    once(holder.child, 'exit'),
  ]);
  if (holder.child.exitCode !== null)
    throw new Error(`port 5353 of ${node.nodeName} could not be held: ${holder.said()}`);
  return holder;
}
