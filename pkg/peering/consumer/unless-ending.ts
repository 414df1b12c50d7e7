import type { Peer } from '#pkg/api';
import type { Informer } from '#pkg/kube';
import { wants } from '../peer-view.ts';

/**
 * Runs `work`, and gives it up as soon as nobody wants to use that peer any more: to mend what gives no answer takes 15 s, and
 * whoever ends such a peering shall hear within 10 s how it stands (PEER-26). Resolves then too: the change of the Peer brings
 * the next look. Errors of `work` otherwise, and the reason of `signal`, are thrown.
 */
export async function unlessEnding(
  peers: Pick<Informer<Peer>, 'on'>,
  { metadata: { name, uid } }: Peer,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  using _peers = peers.on((_, current) => {
    const isIt = current?.metadata.name === name && current.metadata.uid === uid;
    if (isIt && !wants(current, 'Consume')) ending.abort(new Error(`the peering with ${name} ends`));
  });
  if (ending.signal.aborted) return;
  try {
    await work(AbortSignal.any([signal, ending.signal]));
  } catch (error) {
    if (signal.aborted || !ending.signal.aborted) throw error;
  }
}
