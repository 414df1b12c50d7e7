import { NAME, type Offloading } from '#pkg/api';
import type { Informer } from '#pkg/kube';

/** The namespace at one provider that mirrors a namespace at home, as far as the provider has answered. */
export interface Twin {
  /** Name there; empty while the provider has not decided it (`state` is then `Waiting` or `Refused`). */
  readonly namespace: string;
  /** Objects are created only in `Accepted`; `Ending` still cleans up; in the other states nothing of ours is there. */
  readonly state: 'Waiting' | 'Accepted' | 'Refused' | 'Ending';
  readonly reason: string;
  /** A sentence for people: the provider's answer to the claim. */
  readonly message: string;
  /** UID of the ConfigMap `tombolo-twin` there, which owns bare remote pods. */
  readonly ownerUid?: string;
}

/** Which namespaces are offloaded to one peer. Read-only view; must be complete before a reflector starts. */
export interface TwinTable {
  twinOf(homeNamespace: string): Twin | undefined;
  homeOf(twinNamespace: string): string | undefined;
  list(): readonly { readonly home: string; readonly twin: Twin }[];
  /** `handler` gets the home namespace whose twin appeared, changed or went. */
  on(handler: (homeNamespace: string) => void): Disposable;
}

/**
 * The twin table of `peer`, read from `Offloading.status.peers`. Await `offloadings.synced` before handing it on: an
 * empty table means "nothing is offloaded", and reflectors believe it.
 */
export function offloadingTwins(offloadings: Informer<Offloading>, peer: string): TwinTable {
  const twinIn = (offloading: Offloading | undefined): Twin | undefined => {
    const state = offloading?.status?.peers?.find((entry) => entry.peer === peer);
    if (state === undefined) return undefined;
    const { twin = '', state: answer, reason, message, ownerUid } = state;
    return { namespace: twin, state: answer, reason, message, ...(ownerUid !== undefined && { ownerUid }) };
  };
  const list = () =>
    offloadings.list().flatMap((offloading) => {
      const home = offloading.metadata.namespace;
      const twin = offloading.metadata.name === NAME.offloading ? twinIn(offloading) : undefined;
      return home === undefined || twin === undefined ? [] : [{ home, twin }];
    });
  return {
    twinOf: (home) => twinIn(offloadings.get(`${home}/${NAME.offloading}`)),
    homeOf: (namespace) => list().find(({ twin }) => twin.namespace === namespace)?.home,
    list,
    on: (handler) =>
      offloadings.on((old, current) => {
        const { name, namespace } = (current ?? old)?.metadata ?? { name: '' };
        if (name === NAME.offloading && namespace !== undefined && !sameTwin(twinIn(old), twinIn(current))) {
          handler(namespace);
        }
      }),
  };
}

/** Twins in which something of ours can be. Pure. */
export function liveTwins(table: Pick<TwinTable, 'list'>): readonly { readonly home: string; readonly twin: Twin }[] {
  return table
    .list()
    .filter(({ twin }) => twin.namespace !== '' && (twin.state === 'Accepted' || twin.state === 'Ending'));
}

function sameTwin(a: Twin | undefined, b: Twin | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
