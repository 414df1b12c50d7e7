import { INVITE, type Invite } from '#pkg/api';
import { type Informer, type KubeClient, splitKey } from '#pkg/kube';
import { type Clock, done, type Reconciler, requeueAfter } from '#pkg/runtime';
import { unlessNotFound } from '../not-found.ts';

/** An ended invite is kept for a day, so that who comes late reads "expired" and not "unknown". */
const KEEP_MS = 24 * 3600_000;
/** Clocks jump; a look once an hour costs nothing. */
const MAX_WAIT_MS = 3600_000;

/** Removes invites a day after they ended. Those that were used go with their Peer, or here if that comes first. */
export function inviteReconciler(deps: { invites: Informer<Invite>; client: KubeClient; clock: Clock }): Reconciler {
  const { invites, client, clock } = deps;
  return {
    name: 'invite',
    async reconcile(key, signal) {
      const invite = invites.get(key);
      if (invite === undefined || invite.metadata.deletionTimestamp !== undefined) return done;
      const leftMs = Date.parse(invite.spec.expiresAt) + KEEP_MS - clock.wall().getTime();
      if (leftMs > 0) return requeueAfter(Math.min(leftMs, MAX_WAIT_MS));
      const { uid } = invite.metadata;
      await client
        .delete(INVITE, splitKey(key), { ...(uid === undefined ? {} : { uid }), signal })
        .catch(unlessNotFound);
      return done;
    },
  };
}
