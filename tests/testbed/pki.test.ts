import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAuthority, createSigningKey, issue } from './pki.ts';

describe('certificates of a cluster', () => {
  test('are signed by its authority and carry groups, names and addresses', async () => {
    const authority = await createAuthority('milan-ca');
    const pair = await issue(authority, {
      commonName: 'system:node:milan-node1',
      organization: 'system:nodes',
      names: ['milan-node1', '198.18.1.10'],
    });
    const certificate = new X509Certificate(pair.certPem);
    expect(certificate.verify(new X509Certificate(authority.certPem).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(pair.keyPem))).toBe(true);
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:milan-node1');
    expect(certificate.checkHost('milan-node1')).toBe('milan-node1');
    expect(certificate.checkIP('198.18.1.10')).toBe('198.18.1.10');
    expect(certificate.ca).toBe(false);
    expect(new X509Certificate(authority.certPem).ca).toBe(true);
  });

  test('an authority of the same name does not vouch for them', async () => {
    const [one, two] = [await createAuthority('ca'), await createAuthority('ca')];
    const certificate = new X509Certificate((await issue(one, { commonName: 'admin' })).certPem);
    expect(certificate.verify(new X509Certificate(two.certPem).publicKey)).toBe(false);
  });

  test('the signing key of service accounts is a pair', () => {
    const { privatePem, publicPem } = createSigningKey();
    expect(privatePem).toContain('BEGIN PRIVATE KEY');
    expect(publicPem).toContain('BEGIN PUBLIC KEY');
  });
});
