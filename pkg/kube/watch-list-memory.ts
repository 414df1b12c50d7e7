/** A server that stayed silent may only have been slow: it is asked again after this. */
const SILENT_FOR_MS = 30 * 60_000;

/**
 * Remembers for one cluster that its server cannot send lists as a watch (KEP-3157), so that only the first informer
 * pays for finding out.
 */
export interface WatchListMemory {
  isUsable(now: number): boolean;
  /** The server refused the parameters: for as long as this client lives. */
  refused(): void;
  /** The server took them and never said where the list ends: for half an hour. */
  silent(now: number): void;
}

export function watchListMemory(): WatchListMemory {
  let unusableUntil = Number.NEGATIVE_INFINITY;
  return {
    isUsable: (now) => now >= unusableUntil,
    refused() {
      unusableUntil = Number.POSITIVE_INFINITY;
    },
    silent(now) {
      unusableUntil = Math.max(unusableUntil, now + SILENT_FOR_MS);
    },
  };
}
