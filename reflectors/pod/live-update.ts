import { isDeepStrictEqual } from 'node:util';
import type { Pod, ReplicaSet } from '#pkg/kube';
import { isOurs } from '#reflectors/framework';
import { COPIED_KEYS, HOME_HASH, homeHash, parseCopiedKeys } from './applied.ts';
import { appendSteps, type JsonPatchStep, pointer, testUid } from './json-patch.ts';
import type { Container } from './pod-types.ts';
import { ownersOf, type RemoteContext, remoteTemplate } from './to-remote.ts';
import { holdSteps } from './verdict-finalizer.ts';
import { wrappingOf } from './wrapping.ts';

/**
 * What must change on the living remote pod so that it follows `local` in everything that Kubernetes lets people change
 * (POD-58 to POD-60) in the pod itself: labels, annotations, images, added tolerations, the deadline. Labels and
 * annotations of others on the remote pod stay. Undefined where nothing differs. Pure.
 */
export function livePodPatch(local: Pod, remote: Pod, context: RemoteContext): JsonPatchStep[] | undefined {
  // A placement that changed is for pods made later (POD-05), so none is looked at here.
  const wanted = remoteTemplate(local, { ...context, placement: {} });
  const copied = parseCopiedKeys(remote.metadata.annotations?.[COPIED_KEYS]);
  const steps = [
    ...mapSteps('/metadata/labels', remote.metadata.labels ?? {}, wanted.metadata.labels ?? {}, copied.labels),
    ...mapSteps(
      '/metadata/annotations',
      remote.metadata.annotations ?? {},
      wanted.metadata.annotations ?? {},
      copied.annotations,
    ),
    ...imageSteps('/spec/containers', remote.spec?.containers, wanted.spec.containers),
    ...imageSteps('/spec/initContainers', remote.spec?.initContainers, wanted.spec.initContainers),
    ...tolerationSteps(remote, wanted.spec.tolerations ?? []),
    ...deadlineSteps(remote, wanted.spec.activeDeadlineSeconds),
    ...ownerSteps(local, remote, context),
    ...holdSteps(local, remote),
  ];
  return steps.length === 0 ? undefined : [testUid(remote), ...steps];
}

/**
 * Puts the template up to date, so that a later re-creation is like the living pod; that one is not touched by it.
 * Undefined where the wrapper was made from the pod as it is now.
 */
export function wrapperPatch(local: Pod, wrapper: ReplicaSet, context: RemoteContext): JsonPatchStep[] | undefined {
  const hash = homeHash(local, context.denyPrefixes);
  if (wrapper.metadata.annotations?.[HOME_HASH] === hash) return undefined;
  return [
    testUid(wrapper),
    { op: 'replace', path: '/spec/template', value: remoteTemplate(local, context) },
    wrapper.metadata.annotations === undefined
      ? { op: 'add', path: '/metadata/annotations', value: { [HOME_HASH]: hash } }
      : { op: 'add', path: `/metadata/annotations/${pointer(HOME_HASH)}`, value: hash },
  ];
}

/** @param copied keys that came from home once: those that are no longer wanted go */
function mapSteps(
  path: string,
  there: Record<string, string>,
  wanted: Record<string, string>,
  copied: readonly string[],
): JsonPatchStep[] {
  const changed = Object.entries(wanted).filter(([key, value]) => !Object.hasOwn(there, key) || there[key] !== value);
  const gone = copied.filter((key) => !Object.hasOwn(wanted, key) && Object.hasOwn(there, key) && !isOurs(key));
  if (changed.length > 0 && Object.keys(there).length === 0) return [{ op: 'add', path, value: wanted }];
  return [
    ...changed.map(([key, value]): JsonPatchStep => ({ op: 'add', path: `${path}/${pointer(key)}`, value })),
    ...gone.map((key): JsonPatchStep => ({ op: 'remove', path: `${path}/${pointer(key)}` })),
  ];
}

function imageSteps(
  path: string,
  there: readonly Container[] | undefined,
  wanted: readonly Container[] | undefined,
): JsonPatchStep[] {
  const images = new Map((wanted ?? []).map(({ name, image }) => [name, image]));
  return (there ?? []).flatMap(({ name, image }, index): JsonPatchStep[] => {
    const next = images.get(name);
    if (next === undefined || next === image) return [];
    return [
      { op: 'test', path: `${path}/${index}/name`, value: name },
      { op: 'replace', path: `${path}/${index}/image`, value: next },
    ];
  });
}

/** Only additions are allowed on a living pod, and admission there may have added some: what is missing is appended. */
function tolerationSteps(remote: Pod, wanted: readonly object[]): JsonPatchStep[] {
  const there = remote.spec?.tolerations;
  const missing = wanted.filter((toleration) => !there?.some((standing) => isDeepStrictEqual(standing, toleration)));
  if (missing.length === 0) return [];
  return appendSteps('/spec/tolerations', there, missing);
}

/** A deadline may be set or shortened, never lifted. */
function deadlineSteps(remote: Pod, wanted: number | undefined): JsonPatchStep[] {
  const there = remote.spec?.activeDeadlineSeconds;
  if (wanted === undefined || wanted === there || (there !== undefined && wanted > there)) return [];
  return [{ op: 'add', path: '/spec/activeDeadlineSeconds', value: wanted }];
}

/** A pod whose wrapper has gone becomes like one that was made bare: the twin takes it along, `kubectl drain` takes it. */
function ownerSteps(local: Pod, remote: Pod, { twin }: RemoteContext): JsonPatchStep[] {
  const isOwned = (remote.metadata.ownerReferences ?? []).length > 0;
  if (isOwned || wrappingOf(local) === 'replica-set' || twin.ownerUid === undefined) return [];
  return [{ op: 'add', path: '/metadata/ownerReferences', value: ownersOf(twin) }];
}
