import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test as base } from 'vitest';
import { renderGatewayTable } from '#network/nat';
import { runCommand } from '#pkg/runtime';
import { PATIENCE_MS, Site, Wire, whyNot } from '../wireguard/test-sites.ts';
import { applyTunnelRoutes } from './tunnel-routes.ts';

const PORTS = { listen: 51_820, probe: 51_841 };

/** Arguments: own address, MTU behind it, address of the peer. Prints what the path carries, and ends with its input. */
const PROGRAM = `
import { searchPathMtu, startProber } from '#network/probe';
import { silentLog } from '#pkg/runtime';
const [address, mtuBytes, peer] = process.argv.slice(1);
const stop = new AbortController();
const search = async () => {
  const passes = (bytes) => prober.probeSize('peer', bytes);
  console.log(await searchPathMtu({ smallest: 576, largest: 1440, passes }));
};
const onChange = (_, state) => state === 'up' && search();
const prober = startProber({ address, mtuBytes: Number(mtuBytes), log: silentLog, onChange, onMissed() {} }, stop.signal);
prober.setTargets(new Map([['peer', peer]]));
process.stdin.on('end', () => stop.abort()).resume();
await prober.ended;
`;

/** A gateway's device, rules and routes in a namespace, without overlay: its address inside the tunnel is its own. */
async function gateway(site: Site, own: string, other: { site: Site; at: string; range: string }) {
  const device = await site.open();
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const peer = { publicKey: other.site.publicKey, endpoint: `${other.at}:51820`, allowedIps: [other.range] };
  const config = { privateKey: site.privateKey, listenPort: PORTS.listen, mtuBytes: 1_440, addresses: [`${own}/32`] };
  await device.apply({ ...config, peers: [peer] }, signal);
  const range = own.replace(/\.\d+$/, '.0/24');
  const nat = { name: 'peer', ranges: [other.range], announced: [{ original: range, alias: range }] };
  const rules = renderGatewayTable({
    tunnelDevice: site.device,
    overlay: { device: 'none', port: 51_840, senders: [] },
    ownRanges: [range],
    peers: [nat],
    transit: [],
    probePort: PORTS.probe,
    tunnelPort: PORTS.listen,
  });
  await site.run('nft', ['-f', '-'], { input: rules });
  await applyTunnelRoutes(site.device, [{ destination: other.range }], signal, site.run);
}

describe('path MTU', { timeout: PATIENCE_MS }, async () => {
  const missing = await whyNot('userspace');
  const test = missing === undefined ? base : base.skip;
  const title = missing === undefined ? '' : ` (skipped: ${missing})`;

  test.each([
    ['nothing', 1_500, 9_000, ['1440', '1440']],
    // Its bridge lets pass what it says; on the way back the veth lets four more pass, for a VLAN tag.
    ['a silent hop of 1,400 bytes', 1_400, 9_000, ['1328', '1344']],
    // Which binds only who sends there.
    ['an overlay of 1,300 bytes behind the peer', 1_500, 1_300, ['1296', '1440']],
  ])(`is found with %s in the way${title}`, async (_, hopBytes, behindBytes, found) => {
    await using wire = await Wire.create();
    await using a = await Site.create(wire, '192.0.2.1/24');
    await using b = await Site.create(wire, '192.0.2.2/24');
    await gateway(a, '10.9.1.2', { site: b, at: '192.0.2.2', range: '10.9.2.0/24' });
    await gateway(b, '10.9.2.2', { site: a, at: '192.0.2.1', range: '10.9.1.0/24' });
    const port = `port${b.name.split('-').at(-1)}`;
    await runCommand('ip', ['-netns', wire.name, 'link', 'set', port, 'mtu', String(hopBytes)]);
    const start = (site: Site, ...args: string[]) => {
      const program = [process.execPath, '--input-type=module', '--eval', PROGRAM, '--', ...args];
      const [command = '', ...rest] = [...site.enter, ...program];
      return spawn(command, rest, { cwd: import.meta.dirname, stdio: ['pipe', 'pipe', 'inherit'] });
    };
    const children = [start(a, '10.9.1.2', '9000', '10.9.2.2'), start(b, '10.9.2.2', String(behindBytes), '10.9.1.2')];
    const [first, second] = children.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim());
    expect([await first, await second]).toEqual(found);
    for (const child of children) {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    }
  });
});
