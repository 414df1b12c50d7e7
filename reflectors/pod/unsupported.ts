import { ANNOTATION, apiAccess, LABEL } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { MAX_TOKENS, tokenWishes } from './service-account-tokens.ts';

const SPREAD = ['soft', 'hard'];

/** All annotations of an object together (apimachinery, TotalAnnotationSizeLimitB). */
const ANNOTATION_LIMIT = 256 * 1024;

/** What about the pod cannot be kept there, as the end of a sentence; undefined where nothing is. Pure. */
export function unsupported(local: Pod): string | undefined {
  const { annotations = {}, labels = {} } = local.metadata;
  if (labels[LABEL.origin] !== undefined)
    return 'it was made here for a peer, and nothing is passed on to a third cluster';
  const access = annotations[ANNOTATION.apiAccess];
  if (access !== undefined && !apiAccess.safeParse(access).success) {
    return wrongValue(ANNOTATION.apiAccess, access, apiAccess.options);
  }
  const spread = annotations[ANNOTATION.remoteSpread];
  if (spread !== undefined && !SPREAD.includes(spread)) return wrongValue(ANNOTATION.remoteSpread, spread, SPREAD);
  const tokens = tokenWishes(local).length;
  if (tokens > MAX_TOKENS)
    return `its volumes project ${tokens} different tokens, at most ${MAX_TOKENS} are carried over`;
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
