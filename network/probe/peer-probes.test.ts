import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PeerProbes, type ProbeEffect } from './peer-probes.ts';

const wall = new Date(0);

/** Runs `probes` until `until`; `answerAfter` says how many milliseconds after its sending a probe is answered. */
function run(
  probes: PeerProbes,
  from: number,
  until: number,
  answerAfter: (sentAt: number) => number | undefined,
): string[] {
  const lines: string[] = [];
  const answers: { readonly at: number; readonly nonce: bigint }[] = [];
  const say = (now: number, effects: readonly ProbeEffect[]): void => {
    for (const effect of effects) {
      if (effect.do === 'send') {
        const delay = answerAfter(now);
        if (delay !== undefined) answers.push({ at: now + delay, nonce: effect.nonce });
        lines.push(`${now} send`);
      } else lines.push(`${now} ${effect.do === 'change' ? effect.to : `missed ${effect.count}`}`);
    }
  };
  for (let now = from; now <= until; now = Math.min(probes.nextAt, ...answers.map(({ at }) => at))) {
    for (const answer of answers.filter(({ at }) => at <= now)) {
      answers.splice(answers.indexOf(answer), 1);
      say(now, probes.answer(answer.nonce, now, wall) ?? []);
    }
    if (probes.nextAt <= now) say(now, probes.tick(now));
  }
  return lines;
}

let nonce = 0n;
const newProbes = (firstSendAt = 0): PeerProbes => new PeerProbes(firstSendAt, () => (nonce += 1n));
const unless =
  (isLost: (sentAt: number) => boolean, delay = 20) =>
  (sentAt: number) =>
    isLost(sentAt) ? undefined : delay;

describe('PeerProbes', () => {
  test('sends once a second while the peer answers, and says once that it is up', () => {
    const probes = newProbes(300);
    expect(run(probes, 0, 3_400, () => 20)).toEqual(['300 send', '320 up', '1300 send', '2300 send', '3300 send']);
    expect(probes.state(3_400)).toEqual({
      state: 'up',
      missed: 0,
      roundTripMs: 20,
      smoothedRoundTripMs: 20,
      loss: 0,
      lastAnswerAt: wall,
    });
  });

  test('asks each 250 ms after a loss, is down after five losses in a row, and goes on once a second', () => {
    const probes = newProbes();
    expect(
      run(
        probes,
        0,
        6_000,
        unless((sentAt) => sentAt >= 2_000),
      ),
    ).toEqual([
      '0 send',
      '20 up',
      '1000 send',
      '2000 send',
      '2250 missed 1',
      '2250 send',
      '2500 missed 2',
      '2500 send',
      '2750 missed 3',
      '2750 send',
      '3000 missed 4',
      '3000 send',
      '3250 missed 5',
      '3250 down',
      '3250 send',
      '3500 missed 6',
      '4250 send',
      '4500 missed 7',
      '5250 send',
      '5500 missed 8',
    ]);
  });

  test('is up again with the first answer, and counts losses anew', () => {
    const probes = newProbes();
    const lines = run(
      probes,
      0,
      9_000,
      unless((sentAt) => sentAt >= 2_000 && sentAt < 4_000),
    );
    expect(lines.filter((line) => !line.endsWith('send')).slice(-4)).toEqual([
      '3250 missed 5',
      '3250 down',
      '3500 missed 6',
      '4270 up',
    ]);
    expect(probes.state(9_000)).toMatchObject({ state: 'up', missed: 0 });
  });

  test('is down a peer that never answered', () => {
    const lines = run(newProbes(), 0, 3_000, () => undefined);
    expect(lines.filter((line) => !line.endsWith('send'))).toEqual([
      '1000 missed 1',
      '2000 missed 2',
      '2250 missed 3',
      '2500 missed 4',
      '2750 missed 5',
      '2750 down',
      '3000 missed 6',
    ]);
  });

  test('loses nothing on a slow path, and takes a late answer as one', () => {
    const slow = newProbes();
    expect(run(slow, 0, 20_000, () => 700).filter((line) => line.includes('missed'))).toEqual([]);
    const late = newProbes();
    run(late, 0, 20_000, (sentAt) => (sentAt === 10_000 ? 900 : 20));
    expect(late.state(20_000)).toMatchObject({ state: 'up', missed: 0, loss: 0 });
  });

  test('does not count a probe that was overtaken as a loss in a row', () => {
    const probes = newProbes();
    const lines = run(probes, 0, 5_000, (sentAt) => (sentAt === 0 ? undefined : 20));
    // At 1000 the first one is lost and the second one leaves; nothing is urgent after its answer.
    expect(lines).toEqual([
      '0 send',
      '1000 missed 1',
      '1000 send',
      '1020 up',
      '1250 send',
      '2250 send',
      '3250 send',
      '4250 send',
    ]);
    expect(probes.state(5_000).loss).toBeCloseTo(1 / 6);
  });

  test('forgets losses after 30 s', () => {
    const probes = newProbes();
    const isLost = (sentAt: number) => sentAt >= 10_000 && sentAt < 10_600;
    run(probes, 0, 20_000, unless(isLost));
    expect(probes.state(20_000).loss).toBeCloseTo(3 / 23);
    expect(probes.state(41_000).loss).toBe(0);
  });

  test('blames no peer for a pause of this process, but only once per probe', () => {
    const probes = newProbes();
    run(probes, 0, 4_100, () => 20);
    const [sent] = probes.tick(5_000).filter((effect) => effect.do === 'send');
    expect(probes.tick(9_000).map((effect) => effect.do)).toEqual(['send']);
    expect(probes.nextAt).toBe(9_100);
    expect(probes.answer(sent?.nonce ?? 0n, 9_001, wall)).toBeUndefined(); // too old to say anything about now
    expect(probes.tick(9_500).filter((effect) => effect.do === 'missed')).toEqual([{ do: 'missed', count: 1 }]);
  });

  test('takes no answer twice and none to another nonce', () => {
    const probes = newProbes();
    const [sent] = probes.tick(0);
    const own = sent?.do === 'send' ? sent.nonce : 0n;
    expect(probes.answer(own + 1n, 10, wall)).toBeUndefined();
    expect(probes.answer(own, 10, wall)).toEqual([{ do: 'change', to: 'up' }]);
    expect(probes.answer(own, 11, wall)).toBeUndefined();
  });

  test('keeps its rhythm and its word whatever is lost and however late answers come', () => {
    // Of each probe: milliseconds until its answer, or never.
    const path = fc.array(fc.option(fc.integer({ min: 1, max: 3_500 }), { nil: undefined, freq: 2 }), { minLength: 1 });
    fc.assert(
      fc.property(path, (delays) => {
        let sent = 0;
        const lines = run(newProbes(), 0, 60_000, () => delays[sent++ % delays.length]).map((line) => line.split(' '));
        const sends = lines.flatMap(([at, what]) => (what === 'send' ? [Number(at)] : []));
        for (const [index, at] of sends.entries()) {
          const gap = at - (sends[index - 1] ?? at - 1_000);
          expect(gap).toBeGreaterThan(249.9); // rounding
          expect(gap).toBeLessThan(1_000.1);
        }
        const words = lines.filter(([, what]) => what !== 'send').map(([, ...word]) => word.join(' '));
        const changes = words.filter((word) => word === 'up' || word === 'down');
        for (const [index, change] of changes.entries()) expect(change).not.toBe(changes[index - 1]);
        let missed = 0;
        for (const [index, word] of words.entries()) {
          if (word === 'down') expect(words[index - 1]).toBe('missed 5');
          if (!word.startsWith('missed')) continue;
          const count = Number(word.slice('missed '.length));
          expect([1, missed + 1]).toContain(count);
          missed = count;
        }
      }),
      { numRuns: 50 },
    );
  });
});
