import { describe, expect, test } from 'vitest';
import { KubeError } from '#pkg/kube';
import { peeringClient } from '../client/peering-client.ts';
import { newIdentity, peeringBed } from '../doubles/peering-bed.ts';
import { PeeringError } from '../errors.ts';
import { probeFailure } from './probe.ts';
import { unreachableOf } from './unreachable.ts';

const identity = newIdentity();
const DIRECT = { path: 'Direct', server: 'https://api.rome.example' } as never;
const never = new AbortController().signal;

function track(failures: number, error?: unknown) {
  return { last: undefined, goodAtMs: 0, goodAt: undefined, failures, error };
}

const systemError = (code: string) => Object.assign(new Error(code), { code });
const away = (where: string, why: string, cause?: unknown) =>
  new PeeringError('PeerUnreachable', { attempted: 'test', where: `${where} (TCP)`, why }, { cause });

describe('what of a peer does not answer', () => {
  test('is nothing while one look failed between good ones, nor where it answered with a refusal', () => {
    const silent = away('198.18.0.3:30443', 'no answer within 3 s');
    const refused = new PeeringError('NotPeered', { attempted: 'test', where: 'x', why: 'unknown key' });
    expect(unreachableOf(DIRECT, { api: track(0), endpoint: track(1, silent) })).toEqual([]);
    expect(unreachableOf(DIRECT, { api: track(0), endpoint: track(5, refused) })).toEqual([]);
  });

  test.each([
    ['ENOTFOUND', 'the name cannot be resolved', 'NameNotResolved'],
    ['EAI_AGAIN', 'the name cannot be resolved', 'NameNotResolved'],
    ['ECONNREFUSED', 'connection refused', 'ConnectionRefused'],
    ['EHOSTUNREACH', 'no route to that address', 'NoRoute'],
    ['NONE', 'no answer within 3 s', 'NoAnswer'],
    ['NONE', 'the connection was reset', 'Failed'],
  ])('is told with the reason that %s has (%s)', (code, why, reason) => {
    const endpoint = track(2, away('rome.example:30443', why, code === 'NONE' ? undefined : systemError(code)));
    expect(unreachableOf(DIRECT, { api: track(0), endpoint })).toEqual([
      { service: 'PeeringEndpoint', address: 'rome.example:30443', reason, message: why },
    ]);
  });

  test('is each address that was tried, and the API server with its port', () => {
    const facts = { attempted: 'GET /version', where: 'https://api.rome.example (cluster rome)', why: 'no such name' };
    const kube = new KubeError('Unreachable', facts, { cause: systemError('ENOTFOUND') });
    const each = [away('a:1', 'no answer within 3 s'), away('b:2', 'connection refused', systemError('ECONNREFUSED'))];
    const together = away('a:1 (TCP), b:2', 'both', new AggregateError(each));
    const sessions = { api: track(2, probeFailure(kube, 'tombolo-tenant-milan')), endpoint: track(2, together) };
    expect(unreachableOf(DIRECT, sessions).map(({ address, reason }) => `${address} ${reason}`)).toEqual([
      'a:1 NoAnswer',
      'b:2 ConnectionRefused',
      'api.rome.example:443 NameNotResolved',
    ]);
  });

  test('is what the client of the endpoint meets: a name without an address and a port where nobody listens', async () => {
    const addresses = ['rome.invalid:30443', '127.0.0.1:1'];
    await using client = peeringClient({ identity, fingerprint: identity.fingerprint, addresses, version: 'test' });
    const error: unknown = await client.info(never).catch((thrown: unknown) => thrown);
    const found = unreachableOf(DIRECT, { api: track(0), endpoint: track(2, error) });
    expect(found.map(({ address, reason }) => `${address} ${reason}`)).toEqual([
      'rome.invalid:30443 NameNotResolved',
      '127.0.0.1:1 ConnectionRefused',
    ]);
  });
});

test('the clock of a peer is heard with its answers', async () => {
  await using bed = await peeringBed();
  const milan = newIdentity();
  bed.addPeer('milan', milan);
  const client = bed.as(milan);
  expect(client.clockOffsetMs).toBeUndefined();
  await client.info(never);
  // The same clock, but for the second that a Date cuts off.
  expect(Math.abs(client.clockOffsetMs ?? Number.NaN)).toBeLessThan(2_000);
});
