import { describe, expect, test } from 'vitest';
import { type FakeClock, fakeClock } from '#pkg/runtime';
import { encodeDatagram } from './datagram.ts';
import { ProberCore } from './prober.ts';

/** Two probers on a wire that takes 5 ms; `isCut` loses all, `mtu` loses what is longer. */
function wire(clock: FakeClock) {
  const net = { isCut: false, mtu: 65_535, said: [] as string[] };
  const cores = new Map<string, ProberCore>();
  let nonce = 0n;
  for (const address of ['192.0.2.1', '192.0.2.2']) {
    const core = new ProberCore({
      clock,
      random: () => 0,
      newNonce: () => (nonce += 1n),
      onChange: (peer, state) => net.said.push(`${address}: ${peer} ${state}`),
      onMissed: (peer, count) => net.said.push(`${address}: ${peer} missed ${count}`),
      send: (datagram, to) => {
        if (net.isCut || datagram.length > net.mtu) return;
        clock.timer(() => cores.get(to)?.receive(datagram, address), 5);
      },
    });
    cores.set(address, core);
  }
  const [left, right] = [...cores.values()];
  if (left === undefined || right === undefined) throw new Error('two were made');
  return { net, left, right };
}

describe('ProberCore', () => {
  test('tells of a peer that comes, goes and comes back', async () => {
    const clock = fakeClock();
    const { net, left, right } = wire(clock);
    left.setTargets(new Map([['milan', '192.0.2.2']]));
    await clock.advance(2_500);
    expect(net.said).toEqual(['192.0.2.1: milan up']);
    net.isCut = true;
    await clock.advance(3_000);
    expect(net.said).toContain('192.0.2.1: milan down');
    net.isCut = false;
    await clock.advance(2_000);
    expect(net.said.at(-1)).toBe('192.0.2.1: milan up');
    expect(left.states().get('milan')).toMatchObject({ state: 'up', roundTripMs: 10 });
    expect(right.counts().answered).toBeGreaterThan(4);
  });

  test('keeps what it knows of targets that stay, and forgets the others', async () => {
    const clock = fakeClock();
    const { net, left } = wire(clock);
    left.setTargets(new Map([['milan', '192.0.2.2']]));
    await clock.advance(100);
    left.setTargets(
      new Map([
        ['milan', '192.0.2.2'],
        ['rome', '192.0.2.9'],
      ]),
    );
    await clock.advance(4_000);
    expect([...left.states()].map(([peer, { state }]) => `${peer} ${state}`)).toEqual(['milan up', 'rome down']);
    left.setTargets(new Map());
    const before = net.said.length;
    await clock.advance(10_000);
    expect(left.states().size).toBe(0);
    expect(net.said).toHaveLength(before);
  });

  test('tells nothing more once it has ended, and once a listener has dropped the peer', async () => {
    const clock = fakeClock();
    const { net, left } = wire(clock);
    net.isCut = true;
    left.setTargets(new Map([['milan', '192.0.2.2']]));
    await clock.advance(1_100);
    left[Symbol.dispose]();
    left.setTargets(new Map([['milan', '192.0.2.2']]));
    await clock.advance(10_000);
    expect(net.said).toEqual(['192.0.2.1: milan missed 1']);
  });

  test('drops what it did not ask for, and keeps the targets when one has no address', () => {
    const { left } = wire(fakeClock());
    left.setTargets(new Map([['milan', '192.0.2.2']]));
    left.receive(Buffer.from('hello'), '192.0.2.2');
    left.receive(encodeDatagram({ type: 'reply', nonce: 77n, sentAtMicros: 0n }), '192.0.2.2');
    expect(left.counts()).toEqual({ answered: 0, malformed: 1, unexpected: 1 });
    expect(() => left.setTargets(new Map([['rome', 'rome.example']]))).toThrow('rome.example');
    expect([...left.states().keys()]).toEqual(['milan']);
  });

  test('says how large a packet passes, after three tries for one that does not', async () => {
    const clock = fakeClock();
    const { net, left } = wire(clock);
    net.mtu = 1_300;
    left.setTargets(new Map([['milan', '192.0.2.2']]));
    await clock.advance(100);
    const answers: boolean[] = [];
    const ask = (bytes: number) => left.probeSize('milan', bytes).then((passes) => answers.push(passes));
    const fits = ask(1_300);
    await clock.advance(100);
    await fits;
    const tooLarge = ask(1_301);
    await clock.advance(3 * 250);
    await tooLarge;
    const replaced = ask(1_301);
    const last = ask(1_200);
    await clock.advance(10);
    await Promise.all([replaced, last]);
    expect(answers).toEqual([true, false, false, true]);
    expect(await left.probeSize('nobody', 100)).toBe(false);
  });
});
