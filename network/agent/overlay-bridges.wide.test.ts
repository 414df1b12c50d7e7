import { describe, expect, test as base } from 'vitest';
import { missingTool, Namespace } from '../nat/test-namespace.ts';
import { OverlayBridges } from './overlay-bridges.ts';

const missing = await missingTool();
const test = missing === undefined ? base : base.skip;
const signal = new AbortController().signal;

describe(`bridges of a node${missing === undefined ? '' : ` (skipped: ${missing})`}`, { timeout: 60_000 }, () => {
  test('outer packets come from the link of the gateway pod alone, to pods and to the node; also of its successor', async () => {
    await using stack = new AsyncDisposableStack();
    const host = stack.use(await Namespace.create('host'));
    const pods = [];
    for (const name of ['pod', 'first', 'second']) pods.push(stack.use(await Namespace.create(name)));
    const [pod, first, second] = pods as [Namespace, Namespace, Namespace];
    const bridges = new OverlayBridges(host.run);
    // The port of the servers stands for that of the overlay.
    const state = { overlayPort: 7000, nodeAddress: '192.0.2.1', gatewayLink: undefined };
    const rules = async () => (await host.run('nft', ['list', 'ruleset'])).stdout;
    await bridges.apply(state, signal);
    expect(await rules()).toBe(''); // no bridge, no rules for one

    await host.ip('link add cni0 type bridge', 'addr add 10.244.1.1/24 dev cni0', 'link set cni0 up');
    for (const [index, space] of pods.entries()) {
      await host.ip(`link add veth${index} type veth peer name eth0 netns ${space.name}`);
      await host.ip(`link set veth${index} master cni0`, `link set veth${index} up`);
      await space.ip(`addr add 10.244.1.${index + 5}/24 dev eth0`, 'link set eth0 up');
    }
    for (const space of [host, ...pods]) await space.serve();
    /** As a gateway reads it in its own pod. */
    const linkOf = async (space: Namespace) => {
      const { stdout } = await space.run('ip', ['-json', 'link', 'show', 'eth0']);
      return Number((JSON.parse(stdout) as { link_index: number }[])[0]?.link_index);
    };
    expect(await pod.ask('udp', '10.244.1.6')).toBe('10.244.1.5');
    await bridges.apply({ ...state, gatewayLink: await linkOf(first) }, signal);
    expect(await pod.ask('udp', '10.244.1.6')).toBe('nothing');
    expect(await pod.ask('udp', '10.244.1.1')).toBe('nothing');
    expect(await rules()).toMatch(/counter refused_overlay \{\s+packets 2 /);
    expect(await pod.ask('tcp', '10.244.1.6')).toBe('10.244.1.5');
    expect(await first.ask('udp', '10.244.1.1')).toBe('10.244.1.6');
    expect(await host.ask('udp', '10.244.1.6')).toBe('10.244.1.1');
    await pod.ip('addr del 10.244.1.5/24 dev eth0', 'addr add 10.244.1.6/24 dev eth0'); // lends itself the gateway's
    expect(await pod.ask('udp', '10.244.1.1')).toBe('nothing');

    const next = { ...state, gatewayLink: await linkOf(second) };
    await bridges.apply(next, signal);
    expect(await second.ask('udp', '10.244.1.1')).toBe('10.244.1.7');
    expect(await first.ask('udp', '10.244.1.1')).toBe('nothing');
    await host.nft('flush chain bridge tombolo overlay_port');
    expect(await bridges.apply(next, signal)).toBe(true);
    expect(await bridges.apply(next, signal)).toBe(false);
    await bridges.cleanup(signal);
    expect(await rules()).toBe('');
  });
});
