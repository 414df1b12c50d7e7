import { expect, test } from 'vitest';
import { parseAddress } from './address.ts';

test.for([
  ['198.18.0.2:30443', { host: '198.18.0.2', port: 30443 }],
  ['peering.rome.example:443', { host: 'peering.rome.example', port: 443 }],
  ['[fd00::2]:7443', { host: 'fd00::2', port: 7443 }],
] as const)('%s is an address', ([text, address]) => {
  expect(parseAddress(text)).toEqual(address);
});

test.for([
  'rome',
  'rome:',
  ':443',
  'rome:0',
  'rome:65536',
  'fd00::2:443',
  'https://rome:443',
  'a@b:1',
  'ro me:1',
  'rome:4x',
])('%s is none', (text) => {
  expect(parseAddress(text)).toBeUndefined();
});
