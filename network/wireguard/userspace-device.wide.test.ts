import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test as base } from 'vitest';
import { silentLog } from '#pkg/runtime';
import type { DeviceState, WireguardConfig } from './config.ts';
import { KernelDevice } from './kernel-device.ts';
import { generatePresharedKey, generatePrivateKey, publicKeyOf } from './keys.ts';
import { isEmptyPlan } from './plan-wireguard.ts';
import { PATIENCE_MS, Site, WIREGUARD_GO, whyNot, Wire } from './test-sites.ts';

const missing = await whyNot('userspace');
const test = missing === undefined ? base : base.skip;
const signal = new AbortController().signal;

const config = ({ privateKey }: Site): WireguardConfig => ({
  privateKey,
  listenPort: 51_820,
  firewallMark: 51,
  mtuBytes: 1_420,
  addresses: ['10.200.0.1/24'],
  peers: [
    {
      publicKey: publicKeyOf(generatePrivateKey()),
      presharedKey: generatePresharedKey(),
      endpoint: '[2001:db8::7]:51820',
      allowedIps: ['10.62.0.0/16', 'fd62::/64'],
      keepaliveSeconds: 25,
    },
    { publicKey: publicKeyOf(generatePrivateKey()), allowedIps: [] },
  ],
});

/** In one order, and without what only a userspace device counts. */
const sorted = (state: DeviceState | undefined) =>
  state && {
    ...state,
    peers: state.peers
      .map(({ refusedSources: _, ...peer }) => peer)
      .toSorted((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
  };

describe(`userspace device${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: PATIENCE_MS }, () => {
  test('comes back with all that it held when wireguard-go is killed, and says so', async () => {
    await using wire = await Wire.create();
    await using site = await Site.create(wire, '192.0.2.1/24');
    let replaced = 0;
    const device = await site.open({ implementation: 'userspace', onReplaced: () => (replaced += 1) });
    const wanted = config(site);
    await device.apply(wanted, signal);
    const before = await site.world();
    for (const round of [1, 2]) {
      for (const pid of await site.pids()) process.kill(pid, 'SIGKILL');
      await expect.poll(() => replaced, { timeout: 30_000 }).toBe(round);
      expect(await site.world()).toBe(before);
      expect((await device.apply(wanted, signal)).steps).toEqual([]);
    }
  });

  test('takes the place of a wireguard-go that a crash has left', async () => {
    await using wire = await Wire.create();
    await using site = await Site.create(wire, '192.0.2.1/24');
    const args = ['netns', 'exec', site.name, WIREGUARD_GO ?? '', '-f', site.device];
    const orphan = spawn('ip', args, { env: { ...process.env, WG_PROCESS_FOREGROUND: '1' }, stdio: 'ignore' });
    const ended = once(orphan, 'exit');
    const isThere = () =>
      site.world().then(
        () => true,
        () => false,
      );
    await expect.poll(isThere, { timeout: 30_000 }).toBe(true);
    let replaced = 0;
    const device = await site.open({ implementation: 'userspace', onReplaced: () => (replaced += 1) });
    await ended;
    await device.apply(config(site), signal);
    expect((await device.read(signal))?.peers).toHaveLength(2);
    expect(await site.pids()).toHaveLength(1);
    expect(replaced).toBe(0);
  });

  test('is chosen where the kernel has no WireGuard', async ({ skip }) => {
    if ((await whyNot('kernel')) === undefined) skip('this kernel has WireGuard');
    await using wire = await Wire.create();
    await using site = await Site.create(wire, '192.0.2.1/24');
    await expect(site.open({ implementation: 'kernel' })).rejects.toMatchObject({ code: 'MissingWireguardModule' });
    expect((await site.open()).kind).toBe('userspace');
  });

  test('says what is missing, and leaves nothing', async () => {
    await using wire = await Wire.create();
    await using site = await Site.create(wire, '192.0.2.1/24');
    const options = { implementation: 'userspace', enter: [], wireguardGo: '/nowhere/wireguard-go' } as const;
    await expect(site.open(options)).rejects.toMatchObject({ code: 'MissingWireguardGo' });
    const other = { implementation: 'userspace', wireguardGo: '/bin/sh' } as const;
    await expect(site.open(other)).rejects.toMatchObject({
      code: 'DeviceUnavailable',
      why: expect.stringMatching(/exit code 2: .*cannot open/i),
    });
    expect(await site.pids()).toEqual([]);
  });

  test('ends with its signal', async () => {
    await using wire = await Wire.create();
    await using site = await Site.create(wire, '192.0.2.1/24');
    const stop = new AbortController();
    await site.open({ implementation: 'userspace', signal: stop.signal, log: silentLog });
    stop.abort();
    await expect.poll(() => site.pids(), { timeout: 30_000 }).toEqual([]);
  });

  test('refuses a name under which another program answers', async () => {
    await using wire = await Wire.create();
    await using site = await Site.create(wire, '192.0.2.1/24');
    await using other = await Site.create(wire, '192.0.2.2/24');
    await site.open({ implementation: 'userspace' });
    const attempt = other.open({ implementation: 'userspace', name: site.device });
    await expect(attempt).rejects.toMatchObject({ code: 'DeviceBusy' });
    expect(await other.pids()).toEqual([]);
    expect(await site.world()).toContain('[Interface]');
  });

  test('is told by wg and by its socket in the same words', async () => {
    await using wire = await Wire.create();
    await using site = await Site.create(wire, '192.0.2.1/24');
    const bySocket = await site.open({ implementation: 'userspace' });
    // Its own way to speak with the kernel works with any WireGuard.
    const byTool = new KernelDevice({ name: site.device, signal, log: silentLog, enter: site.enter });
    const wanted = config(site);
    await byTool.apply(wanted, signal);
    const before = await site.world();
    expect(isEmptyPlan(await bySocket.apply(wanted, signal))).toBe(true);
    expect(sorted(await byTool.read(signal))).toEqual(sorted(await bySocket.read(signal)));
    const [peer] = wanted.peers;
    expect(await byTool.resetSession(peer?.publicKey ?? publicKeyOf(site.privateKey), signal)).toBe(true);
    expect(await site.world()).toBe(before);
    await byTool.apply({ ...wanted, peers: wanted.peers.slice(1) }, signal);
    expect((await bySocket.read(signal))?.peers).toHaveLength(1);
  });
});
