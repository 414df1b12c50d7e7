import { describe, expect, test as base } from 'vitest';
import { generatePrivateKey, publicKeyOf } from './keys.ts';
import { PATIENCE_MS, Site, Wire, whyNot } from './test-sites.ts';

/** Each sends an echo request so often, in ms. */
const PING_MS = 100;

describe.each(['kernel', 'userspace'] as const)('%s', { timeout: PATIENCE_MS }, async (implementation) => {
  const missing = await whyNot(implementation);
  const test = missing === undefined ? base : base.skip;

  test(`a peer changes its key, which the other one holds already, and nothing is lost for a second${missing === undefined ? '' : ` (skipped: ${missing})`}`, async () => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    await using wire = await Wire.create();
    await using a = await Site.create(wire, '192.0.2.1/24');
    await using b = await Site.create(wire, '192.0.2.2/24');
    const nextKey = generatePrivateKey();
    const next = publicKeyOf(nextKey);
    const [atA, atB] = [await a.open({ implementation }), await b.open({ implementation })];
    const config = (site: Site, address: string) => ({
      privateKey: site.privateKey,
      listenPort: 51_820,
      mtuBytes: 1_420,
      addresses: [`${address}/32`],
    });
    const peerB = { publicKey: b.publicKey, endpoint: '192.0.2.2:51820', allowedIps: ['10.9.0.2/32'] };
    const peerA = { publicKey: a.publicKey, endpoint: '192.0.2.1:51820', allowedIps: ['10.9.0.1/32'] };
    await atA.apply({ ...config(a, '10.9.0.1'), peers: [peerB] }, signal);
    const prepared = { publicKey: next, allowedIps: [] };
    await atB.apply({ ...config(b, '10.9.0.2'), peers: [peerA, prepared] }, signal);
    await a.ip(`route add 10.9.0.2/32 dev ${a.device}`);
    await b.ip(`route add 10.9.0.1/32 dev ${b.device}`);
    expect(await a.pings('10.9.0.2')).toBe(true);

    const ping = (site: Site, address: string) =>
      site.run('busybox', ['ping', '-i', String(PING_MS / 1_000), '-c', '50', '-W', '2', address], {
        acceptExitCodes: [0, 1],
        timeoutMs: 30_000,
      });
    const pings = Promise.all([ping(a, '10.9.0.2'), ping(b, '10.9.0.1')]);
    await new Promise((done) => setTimeout(done, 1_000));
    await atA.apply({ ...config(a, '10.9.0.1'), privateKey: nextKey, peers: [peerB] }, signal);
    for (;;) {
      const held = (await atB.read(signal))?.peers.find(({ publicKey }) => publicKey === next);
      if (held?.lastHandshakeAt !== undefined) break;
      await new Promise((done) => setTimeout(done, 50));
    }
    await atB.apply({ ...config(b, '10.9.0.2'), peers: [{ ...peerA, publicKey: next }] }, signal);
    for (const { stdout } of await pings) {
      const answered = [...stdout.matchAll(/ seq=(\d+) /g)].map(([, sequence]) => Number(sequence));
      const gaps = answered.slice(1).map((sequence, index) => sequence - (answered[index] ?? 0) - 1);
      expect(answered.at(-1)).toBe(49);
      expect(Math.max(...gaps) * PING_MS, stdout).toBeLessThan(1_000);
    }
  });
});
