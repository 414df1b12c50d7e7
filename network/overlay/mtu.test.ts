import { describe, expect, test } from 'vitest';
import { innerMtu, overlayMtu, tunnelMtu } from './mtu.ts';

describe('MTU', () => {
  test('takes off what WireGuard and VXLAN put around a packet', () => {
    expect([tunnelMtu(1500, 4), tunnelMtu(1500, 6), tunnelMtu(1450, 4)]).toEqual([1440, 1420, 1390]);
    expect([overlayMtu([1500, 1450], 4), overlayMtu([9001, 1500], 6)]).toEqual([1400, 1430]);
  });

  test('of a path is the least of its parts', () => {
    expect(innerMtu([overlayMtu([1450], 4), tunnelMtu(1450, 4), tunnelMtu(1500, 6)])).toBe(1390);
  });

  test('is refused where IPv6 would not fit', () => {
    expect(tunnelMtu(1340, 4)).toBe(1280);
    expect(() => tunnelMtu(1339, 4)).toThrow(expect.objectContaining({ code: 'OverlayStateInvalid' }));
    expect(() => overlayMtu([], 4)).toThrow(expect.objectContaining({ code: 'OverlayStateInvalid' }));
  });
});
