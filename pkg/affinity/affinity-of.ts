import { ANNOTATION, LABEL, type ServiceAffinity, serviceAffinity } from '#pkg/api';
import { identityOf, keyOf, type Service } from '#pkg/kube';
import { AffinityError } from './errors.ts';

/** In which kind of namespace a Service is: one that also runs elsewhere, or the twin of one of another cluster. */
export type Side = 'home' | 'twin';

/** What a Service asks for, and why that cannot be done; then it is `none`. */
export interface Wish {
  readonly affinity: ServiceAffinity;
  readonly problem?: AffinityError;
}

const NONE: Wish = { affinity: 'none' };

/**
 * Which endpoints a Service prefers: at home by its annotation, in a twin by the label that the reflector put there. In
 * other namespaces (undefined) the word means nothing. Pure.
 */
export function affinityOf(service: Service, side: Side | undefined): Wish {
  if (side === undefined) return NONE;
  const { labels, annotations } = service.metadata;
  const word = side === 'home' ? annotations?.[ANNOTATION.serviceAffinity] : labels?.[LABEL.serviceAffinity];
  const affinity = serviceAffinity(word);
  const attempted = 'prefer the endpoints of one cluster';
  const where = `Service ${keyOf(service)}`;
  if (affinity === undefined) {
    const why = `“${word}” is not an affinity`;
    return { affinity: 'none', problem: new AffinityError('InvalidAffinity', { attempted, where, why }) };
  }
  if (affinity === 'none') return NONE;
  const why = whyUnsupported(service);
  if (why === undefined) return { affinity };
  return { affinity: 'none', problem: new AffinityError('AffinityUnsupported', { attempted, where, why }) };
}

/** Whether a Service says anything about it, wherever it is. Pure. */
export function wantsAffinity({ metadata: { labels, annotations } }: Service): boolean {
  return annotations?.[ANNOTATION.serviceAffinity] !== undefined || labels?.[LABEL.serviceAffinity] !== undefined;
}

/** What of a Service is read here: caches keep no more of it. */
export function trimToAffinity({ metadata, spec }: Service): Service {
  const label = metadata.labels?.[LABEL.serviceAffinity];
  const annotation = metadata.annotations?.[ANNOTATION.serviceAffinity];
  return {
    metadata: {
      ...identityOf(metadata),
      ...(label !== undefined && { labels: { [LABEL.serviceAffinity]: label } }),
      ...(annotation !== undefined && { annotations: { [ANNOTATION.serviceAffinity]: annotation } }),
    },
    spec: {
      ...(spec?.type !== undefined && { type: spec.type }),
      ...(spec?.clusterIP === 'None' && { clusterIP: spec.clusterIP }),
      ...(spec?.selector !== undefined && { selector: spec.selector }),
    },
  };
}

/** Only where a proxy chooses among endpoints that Kubernetes found there is something to prefer. */
function whyUnsupported({ spec = {} }: Service): string | undefined {
  if (spec.type === 'ExternalName') return 'its type is ExternalName: it has no endpoints';
  if (spec.clusterIP === 'None') return 'it is headless: its clients choose among all its addresses themselves';
  if (Object.keys(spec.selector ?? {}).length === 0) return 'it has no selector: its endpoints are those of its owner';
  return undefined;
}
