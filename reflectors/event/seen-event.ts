import { createHash } from 'node:crypto';
import { apiVersionOf, type Event, type KubeObject, type Resource, secondTime } from '#pkg/kube';

/** Longest texts that events.k8s.io takes (reason, message), and the longest name of an object. */
const MAX_REASON = 128;
const MAX_MESSAGE = 1_024;
const MAX_NAME = 253;
/** Longer names of reporters and hosts are no names. */
const MAX_REPORTER = 253;
const MAX_COUNT = 2 ** 31 - 1;

/** What an Event there is about. */
export interface Involved {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  /** Which container. */
  readonly fieldPath?: string;
}

/** An Event of a twin, as far as it is told here. */
export interface SeenEvent {
  readonly uid: string;
  /** The twin. */
  readonly namespace: string;
  readonly involved: Involved;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly component: string;
  readonly host: string;
  readonly count: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/**
 * Reads either form of an Event: core/v1 counts in `count` and `lastTimestamp`, events.k8s.io in `series` from `eventTime`
 * on. Texts are cut to what this cluster takes. Undefined where it is about nothing that could be ours. Pure.
 */
export function readEvent(event: Event, now: Date): SeenEvent | undefined {
  const { uid, namespace, creationTimestamp } = event.metadata;
  const { apiVersion, kind, name, uid: involvedUid, namespace: involvedIn, fieldPath } = event.involvedObject ?? {};
  if (uid === undefined || namespace === undefined || involvedIn !== namespace) return undefined;
  if (apiVersion === undefined || kind === undefined || name === undefined || involvedUid === undefined)
    return undefined;
  const { series, source, eventTime, firstTimestamp, lastTimestamp } = event;
  const count = series?.count ?? event.count ?? 1;
  return {
    uid,
    namespace,
    involved: { apiVersion, kind, name, uid: involvedUid, ...(fieldPath !== undefined && { fieldPath }) },
    type: event.type === 'Warning' ? 'Warning' : 'Normal',
    reason: cut(event.reason ?? '', MAX_REASON),
    message: cut(event.message ?? '', MAX_MESSAGE),
    component: cut(source?.component || event.reportingComponent || 'unknown', MAX_REPORTER),
    host: cut(source?.host || event.reportingInstance || '', MAX_REPORTER),
    count: Math.min(Math.max(1, Math.trunc(count) || 1), MAX_COUNT),
    firstAt: dateOf(now, firstTimestamp, eventTime, creationTimestamp),
    lastAt: dateOf(now, series?.lastObservedTime, lastTimestamp, eventTime, creationTimestamp),
  };
}

/**
 * The Event here: about `local`, from `<peer>/<component>`, with the count and times from there. The same Event there has
 * the same name here, so that one that is told again, also after a restart of ours, is counted up and not doubled. Pure.
 * @param local the object here; its kind is `resource`
 */
export function homeEvent(seen: SeenEvent, local: KubeObject, resource: Resource, peer: string): Event {
  const { name, namespace = '', uid } = local.metadata;
  const suffix = createHash('sha256').update(`${peer} ${seen.uid}`).digest('hex').slice(0, 16);
  const reporter = `${peer}/${seen.component}`;
  const { fieldPath } = seen.involved;
  return {
    metadata: { name: `${name.slice(0, MAX_NAME - suffix.length - 1)}.${suffix}`, namespace },
    involvedObject: {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      name,
      namespace,
      ...(uid !== undefined && { uid }),
      // Containers are called the same on both sides; of a wrapper the pod here knows no field.
      ...(fieldPath !== undefined && seen.involved.kind === resource.kind && { fieldPath }),
    },
    type: seen.type,
    reason: seen.reason,
    source: { component: reporter, ...(seen.host !== '' && { host: seen.host }) },
    reportingComponent: reporter,
    reportingInstance: seen.host === '' ? peer : seen.host,
    firstTimestamp: secondTime(seen.firstAt),
    ...changingFields(seen),
  };
}

/** What changes when an Event there happens again. */
export function changingFields({ message, count, lastAt }: SeenEvent) {
  return { message, count, lastTimestamp: secondTime(lastAt) };
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** The first of `texts` that is a time. */
function dateOf(now: Date, ...texts: readonly (string | null | undefined)[]): Date {
  const times = texts.map((text) => Date.parse(text ?? ''));
  return new Date(times.find((time) => !Number.isNaN(time)) ?? now.getTime());
}
