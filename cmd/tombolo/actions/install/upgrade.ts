import { SYSTEM_NAMESPACE } from '#pkg/api';
import { type Cluster, SECRET } from '#pkg/kube';
import { type Session, waitFor } from '../../session.ts';
import { undefinedIfAbsent } from '../installed.ts';
import { type Helm, RELEASE } from './helm.ts';
import { driftedObjects, normalised } from './manifest.ts';

export interface Upgrade {
  readonly session: Session;
  readonly helm: Helm;
  readonly cluster: Cluster;
  /** The rendered chart. */
  readonly wanted: string;
  /** Flags that name the values. */
  readonly flags: readonly string[];
}

/**
 * Runs Helm only where what it would install differs from what is there: a second run changes nothing (CLI-01).
 * @returns whether it ran
 */
export async function upgradeIfNeeded({ session, helm, cluster, wanted, flags }: Upgrade): Promise<boolean> {
  await clearInterrupted(session, helm, cluster);
  const state = await helm.state();
  if (state?.status === 'deployed') {
    const installed = await helm.manifest();
    const isEqual = normalised(installed).join('\n') === normalised(wanted).join('\n');
    if (isEqual && (await driftedObjects(installed, cluster, session.signal)).length === 0) return false;
  }
  session.progress.step(state === undefined ? 'installing the chart' : 'updating the chart');
  await helm.upgrade(flags);
  return true;
}

/** How long a release may be under way without a sign before we call its Helm dead; it writes nothing in between. */
const INTERRUPTED_AFTER_MS = 30_000;

/** A Helm that was killed half-way leaves the release locked for ever; its record goes, what it made is adopted. */
async function clearInterrupted(session: Session, helm: Helm, cluster: Cluster): Promise<void> {
  const stale = await waitFor(session, 'looking for an earlier installation', async () => {
    const state = await helm.state();
    if (state === undefined || !state.status.startsWith('pending-')) return 'none';
    return Date.now() - state.updatedAt.getTime() > INTERRUPTED_AFTER_MS ? state : undefined;
  });
  if (stale === 'none') return;
  session.progress.note(`clearing a ${stale.status} that was interrupted`);
  const name = `sh.helm.release.v1.${RELEASE}.v${stale.revision}`;
  const ref = { namespace: SYSTEM_NAMESPACE, name };
  await cluster.client.delete(SECRET, ref, { signal: session.signal }).catch(undefinedIfAbsent);
}
