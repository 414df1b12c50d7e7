import { describe, expect, test } from 'vitest';
import type { Peer, PeerStatus } from '#pkg/api';
import { addressesOf, reportOf, tunnelProblem } from './peer-network.ts';
import { printReports } from './print.ts';

const aliases = [{ original: '10.244.0.0/16', alias: '10.0.0.0/16' }];
const endpoints = ['192.0.2.7:31579'];

function rome(status: Partial<PeerStatus>): Peer {
  return { metadata: { name: 'rome' }, spec: { roles: ['Consume'] }, status };
}

function networkReady(status: 'True' | 'False', message: string): Partial<PeerStatus> {
  const condition = { type: 'NetworkReady', status, reason: 'R', message, lastTransitionTime: '2026-01-01T00:00:00Z' };
  return { conditions: [condition], network: { aliases, ourAliases: aliases, endpoints } };
}

describe('tunnelProblem', () => {
  test.each([
    ['stands', rome(networkReady('True', 'it answers')), undefined],
    [
      'does not answer: its endpoints are named',
      rome(networkReady('False', 'its gateway does not answer')),
      'its gateway does not answer; its endpoints are 192.0.2.7:31579 (UDP)',
    ],
    [
      'is not judged yet',
      rome({ network: {} }),
      'our gateway has not said yet whether it answers; it has told no endpoint',
    ],
    ['was never spoken of', rome({}), 'rome has told nothing of its network: it has none, or its version is too old'],
  ])('a tunnel that %s', (_, peer, message) => {
    expect(tunnelProblem(peer)).toEqual(message === undefined ? undefined : { hop: 'tunnel', message });
  });
});

describe('addressesOf', () => {
  const peer = rome(networkReady('True', 'it answers'));

  test('the pod here is known there by our alias, the one there here by its own', () => {
    expect(addressesOf(peer, { here: '10.244.1.7', there: '10.0.3.4' })).toEqual({
      here: '10.0.1.7',
      there: '10.0.3.4',
    });
  });

  test('an address outside of the ranges is said with the ranges', () => {
    expect(addressesOf(peer, { here: '10.99.1.7', there: '10.0.3.4' })).toMatchObject({
      hop: 'address',
      message: expect.stringContaining('10.99.1.7'),
    });
    expect(addressesOf(peer, { here: '10.244.1.7', there: undefined })).toMatchObject({
      hop: 'address',
      message: expect.stringContaining('10.244.0.0/16 as 10.0.0.0/16'),
    });
  });
});

test('a report reads as a table with the verdict at its end', () => {
  const peer = rome({
    ...networkReady('True', 'its gateway answers'),
    tunnel: { endpoint: '192.0.2.7:9', lossPercent: 0 },
  });
  const report = reportOf(
    peer,
    [
      { from: 'pod here', to: 'pod there', protocol: 'TCP', bytes: 64, result: 'ok', roundTripMs: 1, seen: '10.0.1.7' },
      {
        from: 'pod here',
        to: 'pod there',
        protocol: 'ping',
        bytes: 56,
        result: 'failed',
        why: 'no answer\nwithin 2 s',
      },
    ],
    [{ hop: 'filter', message: 'to rome: ping does not arrive' }],
  );
  expect(report.healthy).toBe(false);
  expect(printReports([report])).toBe(
    [
      'Peer rome: its gateway answers (192.0.2.7:9 (UDP), loss 0 %)',
      'FROM       TO          PROTOCOL   BYTES   RESULT   ROUND TRIP   SEEN AS    WHY',
      'pod here   pod there   TCP        64      ok       1.00 ms      10.0.1.7   -',
      'pod here   pod there   ping       56      failed   -            -          no answer within 2 s',
      'Not healthy:',
      '  - filter: to rome: ping does not arrive',
      '',
    ].join('\n'),
  );
});
