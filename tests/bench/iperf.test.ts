import { expect, test } from 'vitest';
import { readTcp, readUdp } from './iperf.ts';

test('of TCP what was received counts', () => {
  const end = {
    sum_sent: { bits_per_second: 3e9, bytes: 750_000_000 },
    sum_received: { bits_per_second: 2e9, bytes: 500_000_000 },
  };
  expect(readTcp(JSON.stringify({ end }))).toEqual({ gbitPerSecond: 2, gbit: 4 });
});

test('of UDP the datagrams that arrived count', () => {
  const end = { sum: { packets: 1_000, lost_packets: 400, seconds: 2 } };
  expect(readUdp(JSON.stringify({ end }))).toBe(300);
});

test('what iperf3 says of a failure is the error', () => {
  const text = JSON.stringify({ error: 'unable to connect to server: Connection refused' });
  expect(() => readTcp(text)).toThrow('Connection refused');
  expect(() => readUdp('{"end":{}}')).toThrow('lost datagrams');
});
