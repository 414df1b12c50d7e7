import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exchangeSets } from './exchange.ts';
import { renderGatewayTable } from './gateway-table.ts';
import { homeApiSets } from './home-api.ts';
import { safeName } from './nft-text.ts';
import type { Exchange } from './state.ts';
import { EXAMPLE_GATEWAY as example } from './test-states.ts';

const without = (state: Partial<typeof example>) => renderGatewayTable({ ...example, ...state });

describe('renderGatewayTable', () => {
  test('writes three clusters with colliding numbers, transit and a home API', async () => {
    await expect(renderGatewayTable(example)).toMatchFileSnapshot('goldens/gateway.nft');
  });

  test('writes a table that lets nothing pass when there is no peer', async () => {
    const { homeApi: _, transitGroups: __, ...state } = example;
    await expect(renderGatewayTable({ ...state, peers: [], transit: [] })).toMatchFileSnapshot(
      'goldens/gateway-alone.nft',
    );
  });

  test('translates nothing where aliases are the originals, and filters all the same', () => {
    const announced = [{ original: '10.244.0.0/16', alias: '10.244.0.0/16' }];
    const text = without({ peers: [{ name: 'free', ranges: ['10.61.0.0/16'], announced }], transit: [] });
    expect(text).not.toContain('nat ip prefix');
    expect(text).toContain('ip daddr {\n\t\t\t10.244.0.0/16\n\t\t} accept');
  });

  test('keeps the addresses that may exchange packets out of the text: they come and go without it', () => {
    const exchange = {
      lent: ['10.244.1.5', 'fd00:244::5'],
      ours: ['10.61.1.5'],
      offered: ['10.244.1.6 . tcp . 80'] as const,
    };
    const all = new Map<string, Exchange>([
      ['rome', exchange],
      ['2-turin.eu', { lent: ['10.244.1.7'], ours: [] }],
    ]);
    expect(exchangeSets(example.peers, all)).toEqual(
      new Map([
        ['lent_rome4', ['10.244.1.5']],
        ['ours_rome4', ['10.61.1.5']],
        ['offered_rome4', ['10.244.1.6 . tcp . 80']],
        ['lent_rome6', ['fd00:244::5']],
        ['ours_rome6', []],
        ['offered_rome6', []],
        ['lent4', ['10.244.1.5', '10.244.1.7']],
        ['lent6', ['fd00:244::5']],
      ]),
    );
    expect(renderGatewayTable(example)).not.toContain('10.244.1.5');
  });

  test('lets those use the home API that run for this cluster at a peer, and nobody else', () => {
    const exchanges = new Map([
      ['rome', { lent: ['10.244.1.5'], ours: ['10.61.1.5', 'fd00:61::5'] }],
      ['turin', { lent: [], ours: ['10.62.1.5'] }],
    ]);
    expect(homeApiSets(exchanges)).toEqual(
      new Map([
        ['home_api_clients4', ['10.61.1.5', '10.62.1.5']],
        ['home_api_clients6', ['fd00:61::5']],
      ]),
    );
  });

  test.each([
    ['a range with words behind it', { ownRanges: ['10.0.0.0/16 accept'] }],
    ['a length that is none', { ownRanges: ['10.0.0.0/33'] }],
    ['a device with a quote', { tunnelDevice: 'wg"0' }],
    ['a table with a brace', { table: 'a{' }],
    ['transit of a name that is no peer', { transit: [['rome', 'oslo'] as const] }],
    [
      'an alias of another length',
      {
        peers: [
          { name: 'a', ranges: ['10.61.0.0/16'], announced: [{ original: '10.0.0.0/16', alias: '10.1.0.0/17' }] },
        ],
      },
    ],
  ])('refuses %s', (_, state) => {
    expect(() => without({ transit: [], ...state })).toThrow(expect.objectContaining({ code: 'NatStateInvalid' }));
  });
});

describe('safeName', () => {
  test('keeps different names different and readable by nft', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '1', '-', '.', '_', 'é', '2', 'e'), maxLength: 6 });
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(safeName(a)).toMatch(/^[\w-]*$/);
        expect(safeName(a) === safeName(b)).toBe(a === b);
      }),
    );
  });
});
