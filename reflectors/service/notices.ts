import { LRUCache } from 'lru-cache';
import type { ReflectionPolicy } from '#pkg/api';
import { apiVersionOf, type EventRecorder, keyOf, type KubeObject, SERVICE, type Service } from '#pkg/kube';
import { type HomeKind, type TwinTable, verdictOn } from '#reflectors/framework';
import { notReflected, type OfferView } from './service-reflector.ts';

/** Services that are remembered as told; one that is forgotten is told about once more. */
const MAX_TOLD = 5_000;

export interface ServiceNoticeDeps extends OfferView {
  /** The peer as this cluster calls it; the events name it. */
  readonly peer: string;
  readonly policies: { list(): readonly ReflectionPolicy[] };
  readonly events: Pick<EventRecorder, 'event'>;
}

/** Tells on a Service what its copy at one peer lacks: one `NotReflected` event for each different sentence (REF-37). */
export interface ServiceNotices {
  /** Tells about all Services of `services` in namespaces with a twin, now and later, until disposed. */
  follow(services: Pick<HomeKind, 'on' | 'list'>, twins: TwinTable): Disposable;
}

/** Make one per peer and process: it remembers what it has said, so that a new connection to the peer repeats nothing. */
export function serviceNotices({ peer, policies, events, offers, onOffers }: ServiceNoticeDeps): ServiceNotices {
  const told = new LRUCache<string, string>({ max: MAX_TOLD });
  const tell = (object: KubeObject) => {
    const service = object as Service; // the watch is one of Services
    const id = service.metadata.uid ?? keyOf(service);
    const sentence = notReflected(service, offers());
    if (sentence === undefined) told.delete(id);
    if (sentence === undefined || told.get(id) === sentence) return;
    if (!verdictOn(service, SERVICE, policies.list()).copied) return;
    told.set(id, sentence);
    const involved = { ...service, apiVersion: apiVersionOf(SERVICE), kind: SERVICE.kind };
    events.event(involved, 'Warning', 'NotReflected', `${peer}: ${sentence}`);
  };
  return {
    follow(services, twins) {
      const look = (object: KubeObject | undefined) => {
        if (object !== undefined && twins.twinOf(object.metadata.namespace ?? '') !== undefined) tell(object);
      };
      const subscriptions = new DisposableStack();
      subscriptions.use(services.on((_, current) => look(current)));
      subscriptions.use(onOffers(() => services.list().forEach(look)));
      return subscriptions;
    },
  };
}
