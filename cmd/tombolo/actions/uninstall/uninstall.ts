import { SYSTEM_NAMESPACE } from '#pkg/api';
import { CliError } from '../../errors.ts';
import type { Result } from '../../output/format.ts';
import { type Session, waitFor } from '../../session.ts';
import { chartFolder } from '../install/chart.ts';
import { findHelm } from '../install/helm.ts';
import { readInUse, whatToEnd } from './in-use.ts';
import { leftovers, removeLeftovers } from './leftovers.ts';

/**
 * Removes Tombolo with every object and label of it (CLI-03). Refuses while peers or offloaded namespaces exist, since nobody
 * would be left to end them. Run again it goes on where it was interrupted.
 * @throws CliError `StillInUse` with the list of what to end
 */
export async function uninstall(session: Session): Promise<Result> {
  const { progress, signal, flags, env } = session;
  progress.step('looking for peers and offloaded namespaces');
  const cluster = await session.home();
  const helm = await findHelm(flags, env, await chartFolder(undefined), signal);
  const blocking = whatToEnd(await readInUse(cluster, signal));
  if (blocking.length > 0) {
    for (const line of blocking) progress.note(`  - ${line}`);
    const why = `${blocking.length} ${blocking.length === 1 ? 'thing is' : 'things are'} still in use`;
    throw new CliError('StillInUse', {
      attempted: 'uninstall Tombolo',
      where: `cluster ${cluster.name}`,
      why: `${why}: ${blocking.join('; ')}`,
    });
  }
  const isInstalled = (await helm.state()) !== undefined;
  if (!isInstalled && (await leftovers(cluster, signal)).length === 0) {
    return {
      value: { changed: false },
      text: `Tombolo is not installed on cluster ${cluster.name}; nothing was changed.`,
    };
  }
  await session.confirm(`Uninstall Tombolo from cluster ${cluster.name}?`, [
    `namespace ${SYSTEM_NAMESPACE} with the identity of this cluster: a later installation gets a new one`,
    'the CRDs, roles, webhooks and admission policies of Tombolo',
  ]);
  progress.step('removing the chart');
  if (isInstalled) await helm.uninstall();
  progress.step('removing CRDs, bindings, labels and the namespace');
  await removeLeftovers(cluster, signal);
  if (flags.wait) {
    await waitFor(session, 'waiting until everything is gone', async () => {
      const left = await leftovers(cluster, signal);
      if (left.length === 0) return true;
      progress.step(`waiting until everything is gone (${left.join(', ')})`);
      return undefined;
    });
  }
  return { value: { changed: true }, text: `Tombolo is removed from cluster ${cluster.name}.` };
}
