/**
 * Runs `work` for all items at once. The first error aborts the others' signal and is thrown when all have ended, so
 * that nothing goes on behind the back of somebody who was told that it failed.
 */
export async function together<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  const failure = new AbortController();
  const joined = AbortSignal.any([signal, failure.signal]);
  let first: unknown;
  const run = async (item: T): Promise<R> => {
    try {
      return await work(item, joined);
    } catch (error) {
      first ??= error;
      failure.abort(error);
      throw error;
    }
  };
  const outcomes = await Promise.allSettled(items.map(run));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw first;
    return outcome.value;
  });
}
