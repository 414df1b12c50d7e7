import { ANNOTATION, LABEL } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { isTokenVolume } from './token-volume.ts';

const API_ACCESS = ['home', 'provider', 'none'];
const SPREAD = ['soft', 'hard'];

/** All annotations of an object together (apimachinery, TotalAnnotationSizeLimitB). */
const ANNOTATION_LIMIT = 256 * 1024;

/** What about the pod cannot be kept there, as the end of a sentence; undefined where nothing is. Pure. */
export function unsupported(local: Pod): string | undefined {
  const { annotations = {}, labels = {} } = local.metadata;
  if (labels[LABEL.origin] !== undefined)
    return 'it was made here for a peer, and nothing is passed on to a third cluster';
  const access = annotations[ANNOTATION.apiAccess];
  if (access !== undefined && !API_ACCESS.includes(access)) {
    return wrongValue(ANNOTATION.apiAccess, access, API_ACCESS);
  }
  const spread = annotations[ANNOTATION.remoteSpread];
  if (spread !== undefined && !SPREAD.includes(spread)) return wrongValue(ANNOTATION.remoteSpread, spread, SPREAD);
  const token = local.spec?.volumes?.find(
    (volume) =>
      !isTokenVolume(volume) && volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined),
  );
  if (token !== undefined) {
    // The provider would fill it with a token of its own: another identity than at home.
    return `volume "${token.name}" projects a service-account token, which is not carried over`;
  }
  // A file with all labels or annotations is carried in one annotation more.
  const size = (map: Record<string, string>) =>
    Object.entries(map).reduce((sum, [key, value]) => sum + key.length + Buffer.byteLength(value), 0);
  if (usesWholeMap(local) && 2 * size(annotations) + size(labels) > ANNOTATION_LIMIT) {
    return 'its annotations are too large to be shown in a downward API file there';
  }
  return undefined;
}

function wrongValue(annotation: string, value: string, allowed: readonly string[]): string {
  return `annotation ${annotation} has the value "${value}", allowed are ${allowed.join(', ')}`;
}

function usesWholeMap(local: Pod): boolean {
  return (local.spec?.volumes ?? []).some((volume) => {
    const items = [
      ...(volume.downwardAPI?.items ?? []),
      ...(volume.projected?.sources ?? []).flatMap((source) => source.downwardAPI?.items ?? []),
    ];
    return items.some(({ fieldRef }) => /^metadata\.(labels|annotations)$/.test(fieldRef?.fieldPath ?? ''));
  });
}
