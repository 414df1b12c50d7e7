import type { Volume } from './pod-types.ts';

/** Name under which stored pods hold the volume, so that replicas share one list of volumes in memory. */
export const TOKEN_VOLUME = 'kube-api-access';

/**
 * The volume that the ServiceAccount admission at home adds to a pod: token, CA and namespace of the *home* API, under a
 * random name. It is not for the provider, whose API server would fill it with a token of its own.
 */
export function isTokenVolume(volume: Volume): boolean {
  return (
    /^kube-api-access(-[a-z0-9]{5})?$/.test(volume.name) &&
    (volume.projected?.sources ?? []).some((source) => source.serviceAccountToken !== undefined)
  );
}
