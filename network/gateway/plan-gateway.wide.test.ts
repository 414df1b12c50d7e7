import { expect, test as base } from 'vitest';
import { NatTable, renderGatewayTable } from '#network/nat';
import { runCommand } from '#pkg/runtime';
import { manyPeers, planFor } from './many-peers.ts';

const signal = new AbortController().signal;

const missing = await runCommand('nft', ['--version']).then(
  () => (process.getuid?.() === 0 ? undefined : 'needs root for network namespaces'),
  () => 'needs nft',
);
const test = missing === undefined ? base : base.skip;

test(`the rules for 200 peers are one transaction, and what stands afterwards is what was meant${missing === undefined ? '' : ` (skipped: ${missing})`}`, async () => {
  const space = `plan-${process.pid}`;
  await runCommand('ip', ['netns', 'add', space]);
  try {
    let transactions = 0;
    const table = new NatTable({
      run: (program, args, options) => {
        if (program === 'nft' && args.includes('-f')) transactions++;
        return runCommand('ip', ['netns', 'exec', space, program, ...args], options);
      },
    });
    const rules = renderGatewayTable(planFor(manyPeers(200)).nat);
    await table.apply(rules, signal);
    expect(transactions).toBe(1);
    expect(await table.isDrifted(signal)).toBe(false);
    const listed = (await runCommand('ip', ['netns', 'exec', space, 'nft', 'list', 'ruleset'])).stdout;
    for (const index of [0, 57, 199]) expect(listed).toContain(`10.${index}.0.0/16`);
    await table.apply(renderGatewayTable(planFor(manyPeers(199)).nat), signal);
    expect(transactions).toBe(2);
  } finally {
    await runCommand('ip', ['netns', 'del', space]);
  }
}, 60_000);
