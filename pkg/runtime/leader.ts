import { type Clock, systemClock } from './clock.ts';
import { Lease } from './lease.ts';
import type { LeaseStore } from './lease-store.ts';
import { LinkedAbort } from './linked-abort.ts';
import { errorFields, type Log } from './log.ts';
import { withDeadline } from './with-deadline.ts';

export interface LeaderOptions {
  readonly store: LeaseStore;
  /** Unique per process, for example the pod UID. */
  readonly identity: string;
  /** Others take over after this long without a change of the record; default 15 s. */
  readonly durationMs?: number;
  /** The holder stops itself after this long without a successful renewal; must be below `durationMs`; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Time between tries; must be below `renewDeadlineMs`; default 2 s. */
  readonly retryMs?: number;
  readonly clock?: Clock;
  readonly signal: AbortSignal;
  /**
   * What the leader does; its signal aborts when the lease is lost or the process is stopped. Has `durationMs −
   * renewDeadlineMs` to end after it was told of a loss.
   */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/** One term as leader. */
interface Term {
  readonly lease: Lease;
  readonly clock: Clock;
  readonly retryMs: number;
  readonly endMs: number;
  readonly log: Log;
}

/**
 * Runs `lead` while this process holds the lease. Expiry of another holder is judged by our own monotonic clock since we
 * last saw the record change, and the holder stops itself before that can have passed elsewhere: at most one acts.
 * Resolves after the signal aborted, `lead` has ended and the lease was released.
 *
 * Rejects with the error of `lead`, and where `lead` has not ended in its time after a loss: then only the end of the process
 * makes sure that no two act.
 */
export async function runLeader(options: LeaderOptions): Promise<void> {
  const { store, identity, durationMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000 } = options;
  const { clock = systemClock, signal, lead } = options;
  if (!(retryMs < renewDeadlineMs && renewDeadlineMs < durationMs)) {
    throw new RangeError(
      `retryMs (${retryMs}) must be below renewDeadlineMs (${renewDeadlineMs}), and that below durationMs (${durationMs})`,
    );
  }
  const log = options.log.child({ identity });
  const lease = new Lease({ store, identity, durationMs, renewDeadlineMs, clock });
  while (!signal.aborted) {
    let isOurs = false;
    try {
      isOurs = await lease.tryAcquire(signal);
    } catch (error) {
      if (!signal.aborted) log.warn(errorFields(error), 'lease could not be read or written');
    }
    if (isOurs) await serveTerm({ lease, clock, retryMs, endMs: durationMs - renewDeadlineMs, log }, lead, signal);
    await clock.sleep(retryMs, signal).catch(() => {}); // aborted: the loop condition ends it
  }
}

/** From the acquisition to the release. The lease is renewed until `lead` has ended, also while it is being stopped. */
async function serveTerm(term: Term, lead: LeaderOptions['lead'], signal: AbortSignal): Promise<void> {
  const { lease, log } = term;
  log.info({}, 'lease acquired');
  using leading = new LinkedAbort(signal);
  const ended = new AbortController();
  let failure: { error: unknown } | undefined;
  const work = Promise.try(lead, leading.signal)
    .catch((error: unknown) => {
      if (!leading.signal.aborted) failure = { error };
      else if (error !== leading.signal.reason) log.warn(errorFields(error), 'leading ended with an error');
    })
    .finally(() => ended.abort());
  const whyLost = await keep(term, ended.signal);
  if (whyLost !== undefined) {
    log.warn({ why: whyLost }, 'lease lost');
    leading.abort(new Error(`lease lost: ${whyLost}`));
    await ending(term, work);
  }
  await work;
  try {
    await lease.release(new AbortController().signal); // also after `signal` has aborted: that is the usual time for it
  } catch (error) {
    log.warn(errorFields(error), 'lease not released; it expires by itself');
  }
  if (failure !== undefined) throw failure.error;
}

/** Renews until the signal aborts: undefined; or until the lease is lost: why. */
async function keep({ lease, clock, retryMs, log }: Term, signal: AbortSignal): Promise<string | undefined> {
  for (;;) {
    try {
      await clock.sleep(Math.min(retryMs, lease.leftMs), signal);
      if (lease.leftMs <= 0) return 'not renewed in time';
      const isOurs = await withDeadline((inner) => lease.renew(inner), {
        clock,
        ms: lease.leftMs,
        overdue: 'the lease was not renewed',
        signal,
      });
      if (!isOurs) return 'somebody else has it';
    } catch (error) {
      if (signal.aborted) return undefined;
      log.warn(errorFields(error), 'lease not renewed');
    }
  }
}

/**
 * Waits for the end of work that was told to stop, from now on and not from when the lease ended: a process that stood still
 * learns of the loss when others lead already, and one that ends as soon as it is told need not be restarted, which the
 * kubelet does ever more slowly.
 */
async function ending({ clock, endMs: ms }: Term, work: Promise<void>): Promise<void> {
  const never = new AbortController().signal;
  await withDeadline(() => work, {
    clock,
    ms,
    overdue: 'what leads did not end after the loss of the lease',
    signal: never,
  });
}
