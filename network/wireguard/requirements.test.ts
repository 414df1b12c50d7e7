import { describe, expect, test } from 'vitest';
import { hostCommand } from './host.ts';
import { requireNetAdmin, requireTunDevice, requireWgTool } from './requirements.ts';

const status = (effective: string) => async () => `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\n`;

describe('requirements', () => {
  test.each([
    ['0000000000001000', true],
    ['000001ffffffffff', true],
    ['0000000000000fff', false],
    ['0000000000000000', false],
  ])('effective capabilities %s: NET_ADMIN %s', async (effective, has) => {
    const checked = requireNetAdmin('wg0', status(effective)).then(
      () => 'has it',
      (error: unknown) => error,
    );
    expect(await checked).toEqual(has ? 'has it' : expect.objectContaining({ code: 'MissingCapability' }));
  });

  test('name what is not there', async () => {
    await expect(requireTunDevice('wg0', '/nowhere/tun')).rejects.toMatchObject({
      code: 'MissingTunDevice',
      why: 'there is no /nowhere/tun',
    });
    const nothing = hostCommand(['/usr/bin/env', 'PATH=/nowhere']);
    await expect(requireWgTool(nothing, 'wg0', new AbortController().signal)).rejects.toMatchObject({
      code: 'MissingWireguardTools',
    });
  });
});
