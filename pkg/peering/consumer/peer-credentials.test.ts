import { describe, expect, test } from 'vitest';
import { newIdentity } from '../doubles/peering-bed.ts';
import { candidatesOf } from './choose-path.ts';
import { connectionKey } from './cluster-of-peer.ts';
import { credentialsOfSecret, type PeerCredentials, secretOfCredentials } from './peer-credentials.ts';
import { renewInMs } from './renew.ts';

const credentials: PeerCredentials = {
  peer: 'rome',
  origin: 'milan',
  tenantNamespace: 'tombolo-tenant-milan',
  path: 'Direct',
  server: 'https://198.18.0.3:6443',
  servers: ['https://198.18.0.3:6443', 'https://198.18.0.4:6443'],
  relayAllowed: true,
  caPem: 'CA',
  token: 'TOKEN',
  expiresAt: new Date('2026-03-01T13:00:00Z'),
  lifetimeSeconds: 3600,
  addresses: ['198.18.0.3:30443'],
  fingerprint: newIdentity().fingerprint,
  suspended: false,
};

describe('credentials of a peer', () => {
  test('are read as written', () => {
    expect(credentialsOfSecret(secretOfCredentials(credentials))).toEqual(credentials);
    const relayed = { ...credentials, path: 'Relay' as const, suspended: true };
    expect(credentialsOfSecret(secretOfCredentials(relayed))).toEqual(relayed);
  });

  test('that somebody broke are none', () => {
    for (const key of ['token', 'server', 'fingerprint', 'addresses', 'expiresAt', 'origin']) {
      const secret = secretOfCredentials(credentials);
      const data = { ...secret.data, [key]: Buffer.from('').toString('base64') };
      expect(credentialsOfSecret({ ...secret, data })).toBeUndefined();
    }
    expect(credentialsOfSecret(undefined)).toBeUndefined();
    expect(
      credentialsOfSecret({ metadata: { name: 'tombolo-redeem-rome', labels: { 'tombolo.io/peer': 'rome' } } }),
    ).toBeUndefined();
  });

  test('a new token, new addresses of the endpoint, a new end need no new connection', () => {
    const same = { ...credentials, token: 'NEW', addresses: ['198.18.0.9:1'], expiresAt: new Date(0), servers: [] };
    expect(connectionKey(same)).toBe(connectionKey(credentials));
  });

  test.for([{ server: 'https://198.18.0.4:6443' }, { caPem: 'NEW' }, { path: 'Relay' as const }])(
    '%o does',
    (change) => {
      expect(connectionKey({ ...credentials, ...change })).not.toBe(connectionKey(credentials));
    },
  );

  test('are renewed at 80 % of their life, by our clock', () => {
    const at = (time: string) => renewInMs(credentials, new Date(`2026-03-01T${time}Z`));
    expect(at('12:00:00')).toBe(48 * 60_000);
    expect(at('12:48:00')).toBe(0);
    expect(at('14:00:00')).toBeLessThan(0);
  });
});

describe('paths to the API server', () => {
  const shown = (mode?: 'Auto' | 'Direct' | 'Relay', change: Partial<PeerCredentials> = {}) =>
    candidatesOf({ ...credentials, ...change }, mode).map(({ path, server }) => (path === 'Relay' ? path : server));

  test('direct ones first, then the relay', () => {
    expect(shown()).toEqual(['https://198.18.0.3:6443', 'https://198.18.0.4:6443', 'Relay']);
  });

  test('as the Peer allows', () => {
    expect(shown('Direct')).toEqual(['https://198.18.0.3:6443', 'https://198.18.0.4:6443']);
    expect(shown('Relay')).toEqual(['Relay']);
  });

  test('as the provider announces', () => {
    expect(shown('Auto', { servers: [] })).toEqual(['Relay']);
    expect(shown('Auto', { relayAllowed: false })).toEqual(['https://198.18.0.3:6443', 'https://198.18.0.4:6443']);
  });
});
