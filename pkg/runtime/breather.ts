/** Long enough that a turn of the loop costs nothing beside it, short enough for probes, leases and webhooks. */
const SLICE_MS = 8;

/**
 * Lets the event loop turn after 8 ms of work that only resolves promises: otherwise a queue of thousands of keys whose
 * answers are all in caches would hold up timers and sockets until it is empty. Undefined where there is nothing to await.
 */
export function createBreather(now: () => number = () => performance.now()): () => Promise<void> | undefined {
  let since = now();
  return () => {
    if (now() - since < SLICE_MS) return undefined;
    return new Promise((done) => {
      setImmediate(() => {
        since = now();
        done();
      });
    });
  };
}
