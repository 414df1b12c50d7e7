import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '#pkg/runtime';
import { type Measurement, PAYLOADS, type Protocol, type Target } from './measurement.ts';
import { exchangePing, PingImpossible } from './ping.ts';
import { type Exchange, exchangeTcp } from './tcp.ts';
import { exchangeUdp } from './udp.ts';

export interface MeasureOptions {
  readonly port: number;
  /** How long a target is tried that does not answer: what was just made (a Service, a name) needs a moment. Milliseconds. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/** One attempt. Longer than two retransmissions of TCP's first packet would need. */
const ATTEMPT_MS = 2_000;
const PAUSE_MS = 300;
/** Of what answers, the best of so many: it is the path that is measured, not the machine's other work. */
const SAMPLES = 3;

interface Line {
  readonly target: Target;
  readonly protocol: Protocol;
  readonly bytes: number;
}

/**
 * Tries every target by each of its protocols, small and large. All at once at first, so that what does not answer costs
 * `patienceMs` once; then what answered again, one after the other, for the time.
 * @returns in the order of the targets; never throws for a target that does not answer
 */
export async function measureAll(targets: readonly Target[], options: MeasureOptions): Promise<Measurement[]> {
  const lines = targets.flatMap((target) =>
    target.protocols.flatMap((protocol) => PAYLOADS[protocol].map((bytes): Line => ({ target, protocol, bytes }))),
  );
  const tried = await Promise.all(lines.map((line) => untilAnswered(line, options)));
  const measured: Measurement[] = [];
  for (const [index, line] of lines.entries()) {
    const first = tried[index];
    if (first === undefined) continue;
    measured.push(first.result === 'ok' ? await timed(line, first, options) : first);
  }
  return measured;
}

async function untilAnswered(line: Line, options: MeasureOptions): Promise<Measurement> {
  const endMs = performance.now() + options.patienceMs;
  for (;;) {
    try {
      return answered(line, await exchange(line, options));
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof PingImpossible) return { ...head(line), result: 'skipped', why: error.message };
      if (performance.now() >= endMs) return { ...head(line), result: 'failed', why: reason(error) };
      await sleep(PAUSE_MS, undefined, { signal: options.signal });
    }
  }
}

async function timed(line: Line, first: Measurement, options: MeasureOptions): Promise<Measurement> {
  let best = first;
  for (let sample = 0; sample < SAMPLES; sample++) {
    try {
      const again = answered(line, await exchange(line, options));
      if (sample === 0 || (again.roundTripMs ?? 0) < (best.roundTripMs ?? 0)) best = again;
    } catch {
      options.signal.throwIfAborted();
      // It has answered: one lost packet is no verdict on the path, and the time of the other attempts stands.
    }
  }
  return best;
}

async function exchange({ target, protocol, bytes }: Line, { port, signal }: MeasureOptions): Promise<Exchange> {
  const { address } = await lookup(target.host);
  const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]);
  switch (protocol) {
    case 'TCP':
      return await exchangeTcp(address, port, bytes, attempt);
    case 'UDP':
      return await exchangeUdp(address, port, bytes, attempt);
    case 'ping':
      return await exchangePing(address, bytes, attempt);
  }
}

function head({ target, protocol, bytes }: Line): Pick<Measurement, 'to' | 'protocol' | 'bytes'> {
  return { to: target.to, protocol, bytes };
}

function answered(line: Line, { roundTripMs, seen }: Exchange): Measurement {
  return {
    ...head(line),
    result: 'ok',
    roundTripMs: Math.round(roundTripMs * 100) / 100,
    ...(seen !== undefined && { seen }),
  };
}

function reason(error: unknown): string {
  const isLate = error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
  return isLate ? `no answer within ${ATTEMPT_MS / 1000} s` : messageOf(error);
}
