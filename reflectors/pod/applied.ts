import { createHash } from 'node:crypto';
import { GROUP } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { isCopied } from '#reflectors/framework';

/** Annotation of the remote pod: which of its labels and annotations came from home, so that a removal is seen. */
export const COPIED_KEYS = `${GROUP}/copied-keys`;

/** Annotation of the wrapper: {@link homeHash} of the local pod that its template was made from. */
export const HOME_HASH = `${GROUP}/home-hash`;

/** `l:<label>,a:<annotation>,…`, sorted. Neither kind of key can hold a comma. */
export function copiedKeys(copied: { labels: Record<string, string>; annotations: Record<string, string> }): string {
  return [
    ...Object.keys(copied.labels).map((key) => `l:${key}`),
    ...Object.keys(copied.annotations).map((key) => `a:${key}`),
  ]
    .toSorted()
    .join(',');
}

/** Inverse of {@link copiedKeys}. */
export function parseCopiedKeys(text: string | undefined): { labels: string[]; annotations: string[] } {
  const entries = (text ?? '').split(',');
  const of = (prefix: string) =>
    entries.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length));
  return { labels: of('l:'), annotations: of('a:') };
}

/**
 * Changes exactly when something changed that Kubernetes lets people change on a living pod, or what of it may be copied
 * (REF-48). Says nothing about the placement, whose changes are for pods made later (POD-05).
 * @param denyPrefixes of labels and annotations that policies keep at home
 */
export function homeHash(local: Pod, denyPrefixes: readonly string[] = []): string {
  const { labels, annotations } = local.metadata;
  const { containers = [], initContainers = [], tolerations, activeDeadlineSeconds, resources } = local.spec ?? {};
  const theirs = (map: Record<string, string> = {}) =>
    Object.entries(map)
      .filter(([key]) => isCopied(key, { isPod: true, denyPrefixes }))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const changeable = {
    labels: theirs(labels),
    annotations: theirs(annotations),
    containers: [...initContainers, ...containers].map(({ name, image, resources: own }) => [name, image, own]),
    tolerations,
    activeDeadlineSeconds,
    resources,
  };
  return createHash('sha256').update(JSON.stringify(changeable)).digest('hex').slice(0, 16);
}
