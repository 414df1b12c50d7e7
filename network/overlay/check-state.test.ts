import { describe, expect, test } from 'vitest';
import { checkState } from './check-state.ts';
import type { OverlayState } from './state.ts';

const state: OverlayState = {
  device: { name: 'vx', vni: 7, port: 51_840, local: '192.0.2.1', mtuBytes: 1370, addresses: ['10.200.0.1'] },
  remotes: [{ underlay: '192.0.2.2', addresses: ['10.200.0.2', 'fd00::2'] }],
  routes: [{ destination: '10.71.0.0/16', via: '10.200.0.2', mtuBytes: 1300 }],
};

describe('checkState', () => {
  test('lets a whole state pass', () => {
    expect(() => checkState(state)).not.toThrow();
  });

  test.each<[string, Partial<OverlayState>]>([
    ['a device that is two words', { device: { ...state.device, name: 'vx up' } }],
    ['a network identifier of 25 bits', { device: { ...state.device, vni: 2 ** 24 } }],
    ['an address with words behind it', { remotes: [{ underlay: '192.0.2.2 x', addresses: [] }] }],
    ['a name as gateway', { routes: [{ destination: '10.71.0.0/16', via: 'rome' }] }],
    ['a second line in a range', { routes: [{ destination: '10.71.0.0/16\nlink del eth0', via: '10.200.0.2' }] }],
    ['half a byte', { routes: [{ destination: '10.71.0.0/16', via: '10.200.0.2', mtuBytes: 1300.5 }] }],
  ])('refuses %s', (_, change) => {
    expect(() => checkState({ ...state, ...change })).toThrow(expect.objectContaining({ code: 'OverlayStateInvalid' }));
  });
});
