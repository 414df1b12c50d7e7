import { access } from 'node:fs/promises';
import { describe, expect, test as base } from 'vitest';
import type { PeerState, WireguardConfig, WireguardPeer } from './config.ts';
import type { Device } from './device.ts';
import { generatePresharedKey, generatePrivateKey, publicKeyOf } from './keys.ts';
import { isEmptyPlan } from './plan-wireguard.ts';
import { PATIENCE_MS, Site, whyNot, Wire } from './test-sites.ts';

const signal = new AbortController().signal;
const presharedKey = generatePresharedKey();

interface Pair extends AsyncDisposable {
  readonly wire: Wire;
  readonly left: Site;
  readonly right: Site;
  readonly here: Device;
  readonly there: Device;
}

/** `10.200.0.1` and `fd20::1` on the left; on the right `10.200.0.2`, `fd20::2`, and what is behind them. */
function leftConfig({ left, right }: Pick<Pair, 'left' | 'right'>, more: Partial<WireguardPeer> = {}): WireguardConfig {
  return {
    privateKey: left.privateKey,
    listenPort: 51_820,
    firewallMark: 7,
    mtuBytes: 1_420,
    addresses: ['10.200.0.1/24', 'fd20::1/64'],
    peers: [
      {
        publicKey: right.publicKey,
        presharedKey,
        endpoint: '192.0.2.2:51820',
        allowedIps: ['10.200.0.2/32', 'fd20::2/128', '10.62.0.0/16'],
        ...more,
      },
    ],
  };
}

/** Without an endpoint: this side cannot dial. */
function rightConfig({ left, right }: Pick<Pair, 'left' | 'right'>): WireguardConfig {
  return {
    privateKey: right.privateKey,
    listenPort: 51_820,
    mtuBytes: 1_420,
    addresses: ['10.200.0.2/24', 'fd20::2/64'],
    peers: [{ publicKey: left.publicKey, presharedKey, allowedIps: ['10.200.0.1/32', 'fd20::1/128'] }],
  };
}

async function pairOf(implementation: Device['kind']): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const wire = stack.use(await Wire.create());
  const left = stack.use(await Site.create(wire, '192.0.2.1/24'));
  const right = stack.use(await Site.create(wire, '192.0.2.2/24'));
  const here = await left.open({ implementation });
  const there = await right.open({ implementation });
  await here.apply(leftConfig({ left, right }), signal);
  await there.apply(rightConfig({ left, right }), signal);
  const owned = stack.move();
  return { wire, left, right, here, there, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function peerOf(device: Device, { publicKey }: Site): Promise<PeerState> {
  const peer = (await device.read(signal))?.peers.find((one) => one.publicKey === publicKey);
  if (peer === undefined) throw new Error('the peer is not there');
  return peer;
}

const pings = async (site: Site, ...args: [address: string, source?: string]): Promise<void> =>
  expect.poll(() => site.pings(...args), { timeout: 30_000 }).toBe(true);

for (const kind of ['userspace', 'kernel'] as const) {
  const missing = await whyNot(kind);
  const test = missing === undefined ? base : base.skip;
  describe(`${kind} device${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: PATIENCE_MS }, () => {
    test('carries both families, and applies nothing twice', async () => {
      await using pair = await pairOf(kind);
      const { left, right, here, there } = pair;
      await pings(left, '10.200.0.2');
      await pings(left, 'fd20::2');
      await pings(right, '10.200.0.1');
      expect(isEmptyPlan(await here.apply(leftConfig(pair), signal))).toBe(true);
      expect(isEmptyPlan(await there.apply(rightConfig(pair), signal))).toBe(true);
      const peer = await peerOf(here, right);
      expect(peer).toMatchObject({ endpoint: '192.0.2.2:51820', configuredEndpoint: '192.0.2.2:51820' });
      expect(peer.lastHandshakeAt?.getTime()).toBeGreaterThan(Date.now() - PATIENCE_MS);
      expect(peer.receivedBytes).toBeGreaterThan(0);
    });

    test('repairs what was changed by hand, and the tunnel carries again', async () => {
      await using pair = await pairOf(kind);
      const { left, right, here } = pair;
      const before = await left.world();
      const byHand: readonly (readonly [string, ...string[]])[] = [
        ['wg', 'set', left.device, 'peer', right.publicKey, 'remove'],
        ['wg', 'set', left.device, 'peer', right.publicKey, 'allowed-ips', '10.9.0.0/16'],
        ['wg', 'set', left.device, 'peer', right.publicKey, 'persistent-keepalive', '5'],
        ['wg', 'set', left.device, 'peer', right.publicKey, 'preshared-key', '/dev/null'],
        ['wg', 'set', left.device, 'peer', publicKeyOf(generatePrivateKey()), 'allowed-ips', '10.62.0.0/16'],
        ['wg', 'set', left.device, 'listen-port', '51999', 'fwmark', 'off'],
        ['wg', 'set', left.device, 'private-key', '/dev/null'],
        ['ip', 'link', 'set', left.device, 'mtu', '1300', 'down'],
        ['ip', 'address', 'delete', '10.200.0.1/24', 'dev', left.device],
        ['ip', 'address', 'add', '10.200.0.77/24', 'dev', left.device],
      ];
      for (const [program, ...args] of byHand) {
        await left.run(program, args);
        expect(await left.world(), args.join(' ')).not.toBe(before);
        await here.apply(leftConfig(pair), signal);
        expect(await left.world(), args.join(' ')).toBe(before);
      }
      await pings(left, '10.200.0.2');
    });

    test('takes another endpoint, and keeps the place of a peer that has roamed', async () => {
      await using pair = await pairOf(kind);
      const { left, right, here } = pair;
      await pings(left, '10.200.0.2');
      await right.ip(
        'addr add 192.0.2.3/24 dev eth0',
        'addr del 192.0.2.2/24 dev eth0',
        'addr add 192.0.2.3/24 dev eth0',
      );
      await pings(right, '10.200.0.1');
      expect(await peerOf(here, right)).toMatchObject({
        endpoint: '192.0.2.3:51820',
        configuredEndpoint: '192.0.2.2:51820',
      });
      expect(isEmptyPlan(await here.apply(leftConfig(pair), signal))).toBe(true);
      expect((await peerOf(here, right)).endpoint).toBe('192.0.2.3:51820');
      await here.apply(leftConfig(pair, { endpoint: '192.0.2.9:51820' }), signal);
      expect((await peerOf(here, right)).endpoint).toBe('192.0.2.9:51820');
      await here.apply(leftConfig(pair, { endpoint: '192.0.2.3:51820' }), signal);
      await pings(left, '10.200.0.2');
    });

    test('begins a new session with a peer that lost its own and cannot dial', async () => {
      await using pair = await pairOf(kind);
      const { left, right, here, there } = pair;
      await pings(left, '10.200.0.2');
      await there.cleanup(signal);
      const successor = await right.open({ implementation: kind });
      await successor.apply(rightConfig(pair), signal);
      const before = await left.world();
      expect(await here.resetSession(right.publicKey, signal)).toBe(true);
      expect((await peerOf(here, right)).lastHandshakeAt).toBeUndefined();
      expect(await left.world()).toBe(before);
      await pings(left, '10.200.0.2');
      expect(isEmptyPlan(await here.apply(leftConfig(pair), signal))).toBe(true);
      expect(await here.resetSession(publicKeyOf(generatePrivateKey()), signal)).toBe(false);
    });

    test('resets no session where it would not know whom to dial', async () => {
      await using pair = await pairOf(kind);
      expect(await pair.there.resetSession(pair.left.publicKey, signal)).toBe(false);
      expect((await peerOf(pair.there, pair.left)).allowedIps).toHaveLength(2);
    });

    test('drops packets whose source is not allowed to the peer, and counts them where it can', async () => {
      await using pair = await pairOf(kind);
      const { left, right, here, there } = pair;
      await right.ip('addr add 10.62.0.9/32 dev lo', 'addr add 10.63.0.9/32 dev lo');
      await left.ip(`route add 10.62.0.0/16 dev ${left.device}`);
      await pings(left, '10.62.0.9');
      await pings(right, '10.200.0.1', '10.62.0.9');
      const [sent, taken] = [(await peerOf(there, left)).sentBytes, await left.packetsOut()];
      expect(await right.pings('10.200.0.1', '10.63.0.9')).toBe(false);
      expect((await peerOf(there, left)).sentBytes).toBeGreaterThan(sent);
      expect(await left.packetsOut()).toBe(taken);
      if (kind === 'kernel') return; // counts them for the interface alone
      const refused = async () => (await peerOf(here, right)).refusedSources;
      await expect.poll(refused, { timeout: 30_000 }).toBeGreaterThan(0);
    });

    test('changes the key of one peer while the session of another lives on', async () => {
      await using pair = await pairOf(kind);
      await using third = await Site.create(pair.wire, '192.0.2.4/24');
      const { left, right, here } = pair;
      const device = await third.open({ implementation: kind });
      const thirdPeer = { endpoint: '192.0.2.4:51820', allowedIps: ['10.200.0.4/32'] };
      const withThird = (publicKey: WireguardPeer['publicKey']): WireguardConfig => {
        const config = leftConfig(pair);
        return { ...config, peers: [...config.peers, { ...thirdPeer, publicKey }] };
      };
      const thirdConfig: WireguardConfig = {
        privateKey: third.privateKey,
        listenPort: 51_820,
        mtuBytes: 1_420,
        addresses: ['10.200.0.4/24'],
        peers: [{ publicKey: left.publicKey, allowedIps: ['10.200.0.1/32'] }],
      };
      await here.apply(withThird(third.publicKey), signal);
      await device.apply(thirdConfig, signal);
      await pings(left, '10.200.0.4');
      await pings(left, '10.200.0.2');
      const { lastHandshakeAt } = await peerOf(here, right);

      const privateKey = generatePrivateKey();
      await device.apply({ ...thirdConfig, privateKey }, signal);
      await here.apply(withThird(publicKeyOf(privateKey)), signal);
      await pings(left, '10.200.0.4');
      await pings(left, '10.200.0.2');
      expect((await peerOf(here, right)).lastHandshakeAt).toEqual(lastHandshakeAt);
      expect((await here.read(signal))?.peers).toHaveLength(2);
    });

    test('says that its port is taken, and takes it once it is free', async () => {
      await using pair = await pairOf(kind);
      const { left, right, here } = pair;
      const second = await left.open({ implementation: kind, name: `${left.device}b` });
      const wanted = { ...leftConfig(pair), addresses: ['10.201.0.1/24'] };
      const taken = expect.objectContaining({ code: 'DeviceBusy', where: `${left.device}b` });
      await expect(second.apply(wanted, signal)).rejects.toEqual(taken);
      await expect(second.apply(wanted, signal)).rejects.toEqual(taken);
      await here.cleanup(signal);
      await second.apply(wanted, signal);
      await left.ip(`route add 10.62.0.0/16 dev ${left.device}b`);
      await right.ip('addr add 10.62.0.9/32 dev lo', 'route add 10.201.0.1/32 dev ' + right.device);
      expect((await second.read(signal))?.listenPort).toBe(51_820);
      await expect
        .poll(
          async () => {
            await left.pings('10.62.0.9');
            return (await peerOf(second, right)).lastHandshakeAt;
          },
          { timeout: 30_000 },
        )
        .toBeDefined();
    });

    test('leaves nothing, also when asked twice', async () => {
      await using pair = await pairOf(kind);
      const { left, here } = pair;
      await here.cleanup(signal);
      await here.cleanup(signal);
      expect(await here.read(signal)).toBeUndefined();
      expect((await left.run('ip', ['-o', 'link'])).stdout).not.toContain(left.device);
      await expect(access(`/var/run/wireguard/${left.device}.sock`)).rejects.toThrow('ENOENT');
      expect(await left.pids()).toEqual([]);
    });

    test('never touches an interface of another kind', async () => {
      await using wire = await Wire.create();
      await using site = await Site.create(wire, '192.0.2.1/24');
      await site.ip(`link add ${site.device} type bridge`);
      await expect(site.open({ implementation: kind })).rejects.toMatchObject({ code: 'DeviceBusy' });
      expect((await site.run('ip', ['-d', 'link', 'show', site.device])).stdout).toContain('bridge');
    });
  });
}
