import { expect, test } from 'vitest';
import type { ClusterNetwork, Link, Peer } from '#pkg/api';
import type { KubeClient } from '#pkg/kube';
import { systemClock } from '#pkg/runtime';
import { linkReconciler } from './link-reconciler.ts';

const OWN: ClusterNetwork = {
  metadata: { name: 'cluster' },
  spec: { podRanges: ['10.244.0.0/16'], anchorRange: '10.252.0.0/20' },
};

test('peers that come at once get different aliases, although no cache shows what was written yet', async () => {
  const peers = ['rome', 'turin'].map(
    (name): Peer => ({ metadata: { name, uid: name }, spec: { roles: ['Provide'] } }),
  );
  const written = new Map<string, Peer>();
  const client = {
    apply: async (_: unknown, object: Peer) =>
      void (object.kind === 'Peer' && written.set(object.metadata.name, object)),
  } as unknown as KubeClient;
  const reconciler = linkReconciler({
    client,
    clock: systemClock,
    peers: { get: (name) => peers.find(({ metadata }) => metadata.name === name), list: () => peers },
    networks: { get: () => OWN },
    links: { get: (): Link => ({ metadata: { name: 'link' }, spec: { ranges: ['10.244.0.0/16'] } }) },
    offloadings: { list: () => [] },
    self: 'a'.repeat(64),
    remote: { of: () => undefined, list: () => [] },
  });
  for (const name of ['rome', 'turin', 'rome']) await reconciler.reconcile(name, AbortSignal.timeout(5_000));
  const aliases = ['rome', 'turin'].map((name) =>
    written.get(name)?.status?.network?.aliases?.map(({ alias }) => alias),
  );
  expect(aliases).toEqual([['10.0.0.0/16'], ['10.1.0.0/16']]);
});
