import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { silentLog, systemClock } from '#pkg/runtime';
import { startProber } from './start-prober.ts';

/** A UDP port that is free on all addresses at this moment. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

test('probers on real sockets answer each other, stop with the signal, and bind when the port is free', async () => {
  const port = await freePort();
  const squatter = createSocket('udp4').bind(port, '127.0.0.2');
  await once(squatter, 'listening');
  const stop = new AbortController();
  const changes: string[] = [];
  const start = (address: string) =>
    startProber(
      {
        address,
        port,
        clock: systemClock,
        log: silentLog,
        onMissed: () => {},
        onChange: (...args) => changes.push(args.join(' ')),
      },
      stop.signal,
    );
  const [left, right] = [start('127.0.0.1'), start('127.0.0.2')];
  squatter.close();
  left.setTargets(new Map([['right', '127.0.0.2']]));
  await expect.poll(() => changes, { timeout: 20_000 }).toContain('right up');
  expect(left.states().get('right')?.roundTripMs).toBeLessThan(1_000);
  expect(await left.probeSize('right', 1_400)).toBe(true);
  expect(right.counts().answered).toBeGreaterThan(1);
  stop.abort();
  await Promise.all([left.ended, right.ended]);
  expect(left.states().size).toBe(0);
}, 30_000);
