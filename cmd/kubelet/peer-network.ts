import { readAliases, translationTable, type Translation } from '#network/ipam';
import { getCondition, type Peer } from '#pkg/api';
import type { Informer } from '#pkg/kube';
import type { NetworkHealth } from '#pkg/node';

/** The network of one peer, as its Peer tells it. */
export interface PeerNetworkView {
  /** The address here of an address there; undefined while its range is unknown (POD-16). */
  readonly translate: (address: string) => string | undefined;
  /** `handler` runs after answers of `translate` may have changed. */
  onTranslation(handler: () => void): Disposable;
  /** The API of this cluster as pods there see it; undefined while no tunnel leads to it. */
  readonly homeApiAddress: () => string | undefined;
  /** False where one side wants no tunnel, or the peer is this cluster itself. */
  readonly isWanted: () => boolean;
  /** The tunnel. Good also where nobody says anything of it: then none is installed. */
  readonly health: NetworkHealth;
}

/** Reads the cache at each question, so that nothing here can be older than it. `peers` must be synced. */
export function peerNetwork(peers: Pick<Informer<Peer>, 'get' | 'on'>, name: string): PeerNetworkView {
  const aliasesOf = (peer: Peer | undefined) => JSON.stringify(peer?.status?.network?.aliases ?? []);
  const verdictOf = (peer: Peer | undefined) => JSON.stringify(networkVerdict(peer, name));
  let made: { readonly from: string; readonly table: Translation } | undefined;
  const table = (): Translation => {
    const peer = peers.get(name);
    const from = aliasesOf(peer);
    if (made?.from !== from) {
      const aliases = readAliases(peer?.status?.network?.aliases ?? []);
      made = { from, table: translationTable(aliases.map(({ original, alias }) => [original, alias])) };
    }
    return made.table;
  };
  const onChangeOf = (part: (peer: Peer | undefined) => string, handler: () => void) =>
    peers.on((old, current) => {
      if ((current ?? old)?.metadata.name === name && part(old) !== part(current)) handler();
    });
  return {
    translate: (address) => table().translate(address),
    onTranslation: (handler) => onChangeOf(aliasesOf, handler),
    homeApiAddress: () => peers.get(name)?.status?.network?.homeApiAddress,
    isWanted: () => isWanted(peers.get(name)),
    health: {
      get verdict() {
        return networkVerdict(peers.get(name), name);
      },
      on: (handler) => onChangeOf(verdictOf, handler),
    },
  };
}

function isWanted(peer: Peer | undefined): boolean {
  return peer?.status?.network?.mode !== 'None';
}

/** `Unknown` is no loss: whoever judges the tunnel says False when it is one. */
function networkVerdict(peer: Peer | undefined, name: string): NetworkHealth['verdict'] {
  const ready = getCondition(peer?.status?.conditions, 'NetworkReady');
  if (ready === undefined || !isWanted(peer))
    return { ok: true, reason: 'NoNetwork', message: `there is no tunnel to peer ${name}` };
  const { status, reason, message } = ready;
  return { ok: status !== 'False', reason, message };
}
