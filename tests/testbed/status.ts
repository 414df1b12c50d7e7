import { NODE_COMPONENTS, CONTROL_COMPONENTS } from './component-names.ts';
import { type BedPlan } from './address-plan.ts';
import type { BedFolder } from './bed-folder.ts';
import type { Bed } from './bed.ts';
import { runningDaemon } from './daemon.ts';
import { controlPidFile, nodePidFile } from './daemons.ts';

/** What of a bed runs, as lines for a person. `isComplete` is false where something is missing. */
export async function describeBed(
  bed: Bed,
  folder: BedFolder,
  plan: BedPlan,
): Promise<{ lines: string[]; isComplete: boolean }> {
  const lines: string[] = [`${bed.folder}`];
  let isComplete = true;
  for (const cluster of plan.clusters) {
    const { server, kubeconfig } = bed.cluster(cluster.name);
    const missing = await bed.cluster(cluster.name).missing();
    if (missing !== undefined) isComplete = false;
    lines.push(`${cluster.name}: ${missing ?? 'ready'}`, `  API server ${server}, kubeconfig ${kubeconfig}`);
    const wanted = CONTROL_COMPONENTS.filter((name) => name !== 'kwok' || cluster.kwokNodes > 0);
    const control = wanted.map((name) => [name, controlPidFile(folder, cluster, name)] as const);
    const { line, stopped } = await describeDaemons(control);
    if (stopped > 0) isComplete = false;
    lines.push(`  control plane: ${line}`);
    for (const node of cluster.nodes) {
      const agents = NODE_COMPONENTS.map((name) => [name, nodePidFile(folder, cluster, node, name)] as const);
      const described = await describeDaemons(agents);
      if (described.stopped > 0) isComplete = false;
      lines.push(`  ${node.nodeName} ${node.address}, pods ${node.podRange}: ${described.line}`);
    }
    if (cluster.kwokNodes > 0) lines.push(`  ${cluster.kwokNodes} kwok nodes`);
  }
  return { lines, isComplete };
}

async function describeDaemons(
  daemons: readonly (readonly [string, string])[],
): Promise<{ line: string; stopped: number }> {
  const running = await Promise.all(daemons.map(([, pidFile]) => runningDaemon(pidFile)));
  const parts = daemons.map(([name], index) => `${name} ${running[index]?.pid ?? 'stopped'}`);
  return { line: parts.join(', '), stopped: running.filter((one) => one === undefined).length };
}
