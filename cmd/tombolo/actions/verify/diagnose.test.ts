import { describe, expect, test } from 'vitest';
import { PAYLOADS } from '#network/reach';
import { diagnose } from './diagnose.ts';
import { type Client, CLIENTS, type Line, lineWithout, targetsOf } from './matrix.ts';

/** A whole matrix, of which `fails` names the lines that fail. */
function matrix(fails: (line: Line) => boolean): Line[] {
  const addresses = { here: '10.71.0.5', there: '10.72.0.5' };
  return CLIENTS.flatMap((from: Client) =>
    targetsOf(from, addresses).flatMap(({ to, protocols }) =>
      protocols.flatMap((protocol) =>
        PAYLOADS[protocol].map((bytes): Line => {
          const line: Line = { from, to, protocol, bytes, result: 'ok' };
          return fails(line) ? { ...line, result: 'failed', why: 'no answer within 2 s' } : line;
        }),
      ),
    ),
  );
}

function hops(fails: (line: Line) => boolean): string[] {
  return diagnose(matrix(fails), 'rome').map(({ hop, message }) => `${hop} ${message.split(':')[0]}`);
}

describe('diagnose', () => {
  test.each<[string, (line: Line) => boolean, string[]]>([
    ['nothing fails', () => false, []],
    ['nothing arrives', () => true, ['overlay to rome', 'overlay from rome']],
    ['nothing arrives there', ({ to }) => to.endsWith(' there'), ['overlay to rome']],
    ['large packets are lost', ({ bytes }) => bytes > 1_400, ['mtu rome']],
    ['large ones of UDP alone', ({ bytes, protocol }) => bytes > 1_400 && protocol === 'UDP', ['mtu rome']],
    ['the host here reaches nothing', ({ from }) => from === 'host here', ['anchor to rome']],
    ['no Service here is reached', ({ to }) => to === 'Service here', ['service from rome']],
    ['UDP is dropped', ({ protocol }) => protocol === 'UDP', ['filter to rome', 'filter from rome']],
    [
      'ping is dropped on the way there',
      ({ protocol, to }) => protocol === 'ping' && to === 'pod there',
      ['filter to rome'],
    ],
    [
      'host and Service there, for two reasons',
      ({ from, to }) => from === 'host here' || to === 'Service there',
      ['anchor to rome', 'service to rome'],
    ],
  ])('%s', (_, fails, found) => {
    expect(hops(fails)).toEqual(found);
  });

  test('names the pod that told nothing, and takes what was skipped for no failure', () => {
    const lines = [
      ...matrix(() => false).filter(({ from }) => !from.startsWith('host')),
      lineWithout('host here', 'failed', 'its pod has not ended: from-host-here: ContainerCreating'),
      lineWithout('host there', 'skipped', 'the peer does not run it'),
    ];
    expect(diagnose(lines, 'rome')).toEqual([
      { hop: 'pods', message: 'host here: its pod has not ended: from-host-here: ContainerCreating' },
    ]);
  });
});
