import { KubeError } from '#pkg/kube';

/** For reads and deletes where "it is not there" is an answer: `undefined` then, every other error as it was. */
export function unlessNotFound(error: unknown): undefined {
  if (error instanceof KubeError && error.isNotFound) return undefined;
  throw error;
}
