import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Amounts, parseAmounts } from '#pkg/quantity';
import { fakeClock } from '#pkg/runtime';
import { type CountedPod, Ledger } from './ledger.ts';

const GRANT = 'tombolo-tenant-milan/rome';
const amounts = (cpu: number): Amounts => parseAmounts({ cpu: `${cpu}m`, pods: 1 });
const pod = (uid: string, cpu: number, more: Partial<CountedPod> = {}): CountedPod => ({
  uid,
  grant: GRANT,
  identity: uid,
  demand: amounts(cpu),
  isTerminating: false,
  ...more,
});
const allowance = (cpu: number, pods: number, isCordoned = false) => ({
  name: 'rome',
  granted: parseAmounts({ cpu: `${cpu}m`, pods }),
  isCordoned,
});
const usedCpu = (ledger: Ledger) => Number((ledger.used(GRANT).get('cpu') ?? 0n) / 1_000_000n);

describe('Ledger', () => {
  test('NODE-34 use + demand = granted is admitted, one milli more is refused, an unknown key is named', () => {
    const ledger = new Ledger(fakeClock());
    expect(ledger.admit(pod('a', 600), allowance(1000, 9))).toBeUndefined();
    expect(ledger.admit(pod('b', 401), allowance(1000, 9))?.message).toBe(
      'GrantExceeded: cpu: asked 401m, free 400m, granted 1 by rome',
    );
    expect(ledger.admit(pod('b', 400), allowance(1000, 9))).toBeUndefined();
    const gpu = { ...pod('c', 0), demand: parseAmounts({ 'example.com/gpu': 1 }) };
    expect(ledger.admit(gpu, allowance(1000, 9))?.message).toBe(
      'GrantExceeded: the grant rome has no example.com/gpu, 1 asked',
    );
  });

  test('NODE-32 a full or cordoned grant still takes a pod that is made again, and nothing new', () => {
    const ledger = new Ledger(fakeClock());
    ledger.seen(pod('old', 800, { identity: 'home-1', isTerminating: true }));
    expect(ledger.admit(pod('new', 800, { identity: 'home-1' }), allowance(500, 9, true))).toBeUndefined();
    expect(usedCpu(ledger)).toBe(800);
    expect(ledger.admit(pod('other', 1), allowance(500, 9))?.code).toBe('GrantExceeded');
    expect(ledger.admit(pod('other', 1), allowance(5000, 9, true))?.code).toBe('GrantCordoned');
  });

  test('NODE-37 many pods with one identity are counted one by one', () => {
    const ledger = new Ledger(fakeClock());
    expect(ledger.admit(pod('a', 600, { identity: 'same' }), allowance(1000, 9))).toBeUndefined();
    expect(ledger.admit(pod('b', 600, { identity: 'same' }), allowance(1000, 9))?.code).toBe('GrantExceeded');
  });

  test('NODE-35 a finished pod counts nothing at once', () => {
    const ledger = new Ledger(fakeClock());
    ledger.seen(pod('a', 600));
    ledger.gone('a');
    expect(usedCpu(ledger)).toBe(0);
  });

  test('an admitted pod that never appears is forgotten after 30 s', async () => {
    const clock = fakeClock();
    const ledger = new Ledger(clock);
    ledger.admit(pod('a', 600), allowance(1000, 9));
    await clock.advance(29_000);
    expect(usedCpu(ledger)).toBe(600);
    await clock.advance(1_000);
    expect(usedCpu(ledger)).toBe(0);
  });

  test('POD-63 a pod is resized within the grant, and not beyond it', () => {
    const ledger = new Ledger(fakeClock());
    ledger.seen(pod('a', 600));
    ledger.seen(pod('b', 300));
    expect(ledger.admit(pod('a', 701), allowance(1000, 9))?.message).toBe(
      'GrantExceeded: cpu: asked 701m, free 700m, granted 1 by rome',
    );
    expect(ledger.admit(pod('a', 700), allowance(1000, 9))).toBeUndefined();
    expect(usedCpu(ledger)).toBe(1000);
    expect(ledger.admit(pod('b', 301), allowance(1000, 9, true))?.code).toBe('GrantCordoned');
    expect(ledger.admit(pod('b', 200), allowance(500, 9, true))).toBeUndefined();
  });

  test('a pod that is made again gets what it had and no more without asking', () => {
    const ledger = new Ledger(fakeClock());
    ledger.seen(pod('old', 100, { identity: 'home-1' }));
    ledger.gone('old');
    expect(ledger.admit(pod('new', 900, { identity: 'home-1' }), allowance(500, 9))?.code).toBe('GrantExceeded');
    expect(ledger.admit(pod('new', 100, { identity: 'home-1' }), allowance(50, 9, true))).toBeUndefined();
  });

  test('a resize counts from its admission on, and is forgotten after 30 s where it was never stored', async () => {
    const clock = fakeClock();
    const ledger = new Ledger(clock);
    ledger.seen(pod('a', 300));
    ledger.admit(pod('a', 800), allowance(1000, 9));
    ledger.seen(pod('a', 300)); // an event from before the resize
    expect(usedCpu(ledger)).toBe(800);
    await clock.advance(30_000);
    expect(usedCpu(ledger)).toBe(300);
    ledger.admit(pod('a', 200), allowance(1000, 9));
    expect(usedCpu(ledger)).toBe(300);
    ledger.seen(pod('a', 200));
    expect(usedCpu(ledger)).toBe(200);
    await clock.advance(30_000);
    expect(usedCpu(ledger)).toBe(200);
  });

  test('a dry run decides and reserves nothing', () => {
    const ledger = new Ledger(fakeClock());
    expect(ledger.admit(pod('a', 600), allowance(1000, 9), true)).toBeUndefined();
    expect(usedCpu(ledger)).toBe(0);
  });

  test('NODE-36 in any order of events the grant is never exceeded and never under-used', () => {
    const step = fc.record({
      what: fc.constantFrom('admit', 'seen', 'gone'),
      id: fc.nat(11),
      cpu: fc.integer({ min: 1, max: 500 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const ledger = new Ledger(fakeClock());
        /** The obvious model: a list of what runs or was admitted. */
        const model = new Map<string, number>();
        const total = () => [...model.values()].reduce((sum, cpu) => sum + cpu, 0);
        for (const { what, id, cpu } of steps) {
          const uid = `pod-${id}`;
          if (what === 'admit' && !model.has(uid) && !ledger.knows(GRANT, uid)) {
            const fits = total() + cpu <= 1000;
            expect(ledger.admit(pod(uid, cpu), allowance(1000, 100)) === undefined).toBe(fits);
            if (fits) model.set(uid, cpu);
          } else if (what === 'seen' && model.has(uid)) {
            ledger.seen(pod(uid, model.get(uid) ?? 0));
          } else if (what === 'gone') {
            ledger.gone(uid);
            model.delete(uid);
          }
          expect(usedCpu(ledger)).toBe(total());
          expect(total()).toBeLessThanOrEqual(1000);
        }
      }),
    );
  });
});
