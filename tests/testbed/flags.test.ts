import { describe, expect, test } from 'vitest';
import { TestbedError } from './errors.ts';
import { type Command, parseFlags, USAGE } from './flags.ts';

const parse = (line: string): Command => parseFlags(line.split(' ').filter(Boolean), '/checkout').command;

const NOTHING = { clusters: undefined, nodes: undefined, ranges: undefined, kwok: undefined, kwokClusters: undefined };

describe('parseFlags', () => {
  test('up without flags leaves every decision to the bed', () => {
    expect(parse('up')).toEqual({ verb: 'up', request: NOTHING, bare: false, replicas: undefined });
  });

  test('up takes all its flags', () => {
    const line = 'up --clusters a,b-2 --nodes 3 --ranges distinct --bare --replicas 1 --kwok 100 --kwok-cluster b-2';
    expect(parse(line)).toEqual({
      verb: 'up',
      request: { clusters: ['a', 'b-2'], nodes: 3, ranges: 'distinct', kwok: 100, kwokClusters: ['b-2'] },
      bare: true,
      replicas: 1,
    });
  });

  test('exec keeps what stands after the two dashes, dashes included', () => {
    expect(parse('exec milan/node2 -- ip -j route -- x')).toEqual({
      verb: 'exec',
      target: { cluster: 'milan', node: 'node2' },
      command: ['ip', '-j', 'route', '--', 'x'],
    });
  });

  test('stop and start name a component, also by its long name', () => {
    const target = { cluster: 'rome', node: undefined };
    expect(parse('stop rome kube-apiserver --kill')).toEqual({
      verb: 'stop',
      target,
      component: 'apiserver',
      kill: true,
    });
    expect(parse('start rome kcm')).toEqual({ verb: 'start', target, component: 'kcm' });
  });

  test('nodes are added by name or number, and removed by name', () => {
    expect(parse('add-node milan')).toEqual({ verb: 'add-node', target: { cluster: 'milan', node: undefined } });
    expect(parse('remove-node milan/node2')).toEqual({ verb: 'remove-node', cluster: 'milan', node: 'node2' });
  });

  test('the folder is .testbed of the checkout, or the one of --dir from here', () => {
    expect(parseFlags(['down'], '/checkout').dir).toBe('/checkout/.testbed');
    expect(parseFlags(['down', '--dir', '/elsewhere/bed'], '/checkout').dir).toBe('/elsewhere/bed');
  });

  test.each([['--help'], ['help'], ['up --help'], ['-h']])('%s asks for help', (line) => {
    expect(parse(line)).toEqual({ verb: 'help' });
  });

  test.each([
    ['', /names no command/],
    ['fly', /there is no such command; there are up, down/],
    ['up now', /up takes no arguments/],
    ['up --nodes 0', /--nodes: 0: it is no whole number from 1 to 64/],
    ['up --nodes 1e1', /--nodes: 1e1/],
    ['up --nodes=-1', /--nodes: -1/],
    ['up --nodes=', /--nodes: \(empty\)/],
    ['up --nodes', /argument missing/],
    ['up --kwok 5001', /--kwok: 5001: it is no whole number from 0 to 5000/],
    ['up --ranges other', /--ranges: other: it is neither "same" nor "distinct"/],
    ['up --clusters Milan', /--clusters: Milan: a cluster name has/],
    ['up --clusters a,,b', /--clusters: \(empty\)/],
    ['up --clusters a,a', /names a cluster twice/],
    ['up --clusters ../x', /--clusters: \.\.\/x/],
    ['up --clusters bin', /--clusters: bin/],
    [`up --clusters ${'a'.repeat(31)}`, /up to 30/],
    ['up --fast', /Unknown option '--fast'/],
    ['up --bare=yes', /--bare/],
    ['down --nodes 1', /run down: --nodes: down does not take it/],
    ['up -- ls', /up runs no command/],
    ['exec milan', /no command stands after --/],
    ['exec -- ls', /CLUSTER\[\/NODE\]: it is missing/],
    ['exec milan/ -- ls', /not of the form CLUSTER or CLUSTER\/NODE/],
    ['exec a/b/c -- ls', /not of the form/],
    ['stop milan', /COMPONENT: it is missing/],
    ['stop milan kublet', /kublet: there is none of that name; name one of: etcd, apiserver/],
    ['start milan kubelet --kill', /start does not take it/],
    ['add-node', /CLUSTER\[\/NODE\]: it is missing/],
    ['remove-node milan', /it names a cluster and no node/],
    ['remove-node milan/node2 --kill', /remove-node does not take it/],
    ['load', /IMAGE\.tar: it is missing/],
  ])('refuses "%s" in one sentence', (line, message) => {
    expect(() => parse(line)).toThrow(TestbedError);
    expect(() => parse(line)).toThrow(message);
  });

  test('the usage names every verb and flag', () => {
    const words = [
      'up',
      'down',
      'status',
      'load',
      'exec',
      'stop',
      'start',
      'add-node',
      'remove-node',
      '--clusters',
      '--nodes',
      '--ranges',
    ];
    const rest = ['--bare', '--kwok', '--kwok-cluster', '--kill', '--dir'];
    for (const word of [...words, ...rest]) expect(USAGE).toContain(word);
  });
});
