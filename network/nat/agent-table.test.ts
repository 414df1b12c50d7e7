import { describe, expect, test } from 'vitest';
import { renderAgentTable } from './agent-table.ts';
import { EXAMPLE_AGENT as example } from './test-states.ts';

describe('renderAgentTable', () => {
  test('writes a node with anchors of both families and published ports', async () => {
    await expect(renderAgentTable(example)).toMatchFileSnapshot('goldens/agent.nft');
  });

  test('takes outer packets from nobody while no gateway is known', async () => {
    const overlay = { ...example.overlay, gateways: [], reversePath: 'off' as const };
    const text = renderAgentTable({ ...example, overlay, peerRanges: [], anchors: [], published: [] });
    await expect(text).toMatchFileSnapshot('goldens/agent-alone.nft');
  });

  test.each([
    ['a port that is none', { published: [{ protocol: 'tcp' as const, port: 70_000 }] }],
    ['an anchor with a zone', { anchors: ['fe80::1%eth0'] }],
  ])('refuses %s', (_, state) => {
    const render = () => renderAgentTable({ ...example, ...state });
    expect(render).toThrow(expect.objectContaining({ code: 'NatStateInvalid' }));
  });
});
