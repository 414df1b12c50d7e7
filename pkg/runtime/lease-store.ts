/** Who holds a lease. Times are wall times of the holder: for people only, expiry is never judged by them. */
export interface LeaseRecord {
  /** Identity of the holder; empty where the last one gave it up. */
  readonly holder: string;
  readonly durationMs: number;
  readonly acquiredAt: Date;
  readonly renewedAt: Date;
  readonly transitions: number;
}

/** Where the record is kept, with optimistic locking. */
export interface LeaseStore {
  /** Undefined where there is no record yet. */
  read(signal: AbortSignal): Promise<{ record: LeaseRecord; version: string } | undefined>;
  /**
   * Atomic: of two writers with one version only one succeeds. An error may mean that the record was written nevertheless.
   * @param version what was read; undefined creates. `'conflict'` where somebody else was faster.
   */
  write(
    record: LeaseRecord,
    version: string | undefined,
    signal: AbortSignal,
  ): Promise<{ version: string } | 'conflict'>;
}
