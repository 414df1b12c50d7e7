import { describe, expect, test as base } from 'vitest';
import { renderAgentTable } from './agent-table.ts';
import { flushRange } from './flush-range.ts';
import { renderGatewayTable } from './gateway-table.ts';
import { NatTable } from './nat-table.ts';
import { missingTool, Namespace } from './test-namespace.ts';
import { EXAMPLE_AGENT, EXAMPLE_GATEWAY } from './test-states.ts';

const missing = await missingTool();
const test = missing === undefined ? base : base.skip;
const signal = new AbortController().signal;

const FOREIGN = 'table inet other {\n\tcounter mine {\n\t\tpackets 7 bytes 9\n\t}\n}\n';

const listed = async (space: Namespace) => (await space.run('nft', ['list', 'ruleset'])).stdout;

// Namespaces and forks on a machine that others use too.
const options = { timeout: 60_000 };

describe(`NatTable${missing === undefined ? '' : ` (skipped: ${missing})`}`, options, () => {
  test('loads the tables of a gateway and of an agent, once', async () => {
    await using space = await Namespace.create('load');
    const gateway = new NatTable({ run: space.run });
    const agent = new NatTable({ run: space.run, table: 'node' });
    expect(await gateway.apply(renderGatewayTable(EXAMPLE_GATEWAY), signal)).toBe('applied');
    expect(await agent.apply(renderAgentTable({ ...EXAMPLE_AGENT, table: 'node' }), signal)).toBe('applied');
    expect(await gateway.apply(renderGatewayTable(EXAMPLE_GATEWAY), signal)).toBe('unchanged');
    expect(await agent.isDrifted(signal)).toBe(false);
    expect([...(await agent.counters(signal)).keys()]).toEqual([
      'refused_overlay',
      'refused_invalid',
      'refused_source',
      'refused_destination',
    ]);
  });

  test.for([
    ['an added rule', 'add rule inet tombolo guard accept'],
    ['a removed set element', 'delete element inet tombolo own4 { 10.244.0.0/16 }'],
    ['a flushed chain', 'flush chain inet tombolo forward'],
    ['a deleted table', 'delete table inet tombolo'],
  ])('repairs %s', async ([, change = '']) => {
    await using space = await Namespace.create('drift');
    await space.nft(FOREIGN);
    const table = new NatTable({ run: space.run });
    const text = renderGatewayTable(EXAMPLE_GATEWAY);
    await table.apply(text, signal);
    const before = await listed(space);
    await space.nft(change);
    expect(await table.isDrifted(signal)).toBe(true);
    expect(await table.apply(text, signal)).toBe('repaired');
    expect(await listed(space)).toBe(before);
  });

  test('keeps the old table where nft refuses the new one', async () => {
    await using space = await Namespace.create('refuse');
    const table = new NatTable({ run: space.run });
    await table.apply(renderGatewayTable(EXAMPLE_GATEWAY), signal);
    const before = await listed(space);
    const peers = [...EXAMPLE_GATEWAY.peers, { name: 'twice', ranges: ['10.61.4.0/24'], announced: [] }];
    const overlapping = table.apply(renderGatewayTable({ ...EXAMPLE_GATEWAY, peers }), signal);
    await expect(overlapping).rejects.toMatchObject({ code: 'NatTableRefused', retryable: true });
    expect(await listed(space)).toBe(before);
  });

  test('goes on counting when the table is replaced, and forgets a removed peer', async () => {
    await using space = await Namespace.create('count');
    const table = new NatTable({ run: space.run });
    await space.nft('table inet tombolo {\n\tcounter destination_rome {\n\t\tpackets 5 bytes 500\n\t}\n}\n');
    await table.apply(renderGatewayTable(EXAMPLE_GATEWAY), signal);
    expect((await table.counters(signal)).get('destination_rome')).toEqual({ packets: 5, bytes: 500 });
    await table.apply(renderGatewayTable({ ...EXAMPLE_GATEWAY, peers: [], transit: [] }), signal);
    expect((await table.counters(signal)).has('destination_rome')).toBe(false);
  });

  test('leaves nothing of ours and all of others', async () => {
    await using space = await Namespace.create('clean');
    await space.nft(FOREIGN);
    const before = await listed(space);
    const table = new NatTable({ run: space.run });
    await table.cleanup(signal);
    await table.apply(renderGatewayTable(EXAMPLE_GATEWAY), signal);
    await table.cleanup(signal);
    await table.cleanup(signal);
    expect(await listed(space)).toBe(before);
  });
});

describe('flushRange', options, () => {
  test('forgets connections of the range alone, and is content with none', async () => {
    await using space = await Namespace.create('flush');
    await space.nft(
      'table inet track {\n\tchain a {\n\t\ttype filter hook output priority 0; ct state new accept\n\t}\n}\n',
    );
    await space.ip('addr add 10.61.0.1/32 dev lo', 'addr add 10.62.0.1/32 dev lo');
    await space.pings('10.61.0.1');
    await space.pings('10.62.0.1');
    expect(await flushRange('10.63.0.0/16', signal, space.run)).toBe(0);
    expect(await flushRange('10.61.0.0/16', signal, space.run)).toBe(1);
    expect((await space.run('conntrack', ['-L'])).stdout).toContain('10.62.0.1');
    expect((await space.run('conntrack', ['-L'])).stdout).not.toContain('10.61.0.1');
    expect(await flushRange('fd00::/64', signal, space.run)).toBe(0);
  });
});
