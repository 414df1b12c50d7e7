import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { BedRequest, Ranges } from './address-plan.ts';
import { type Component, parseComponent } from './component-names.ts';
import { TestbedError } from './errors.ts';

export const USAGE = `Real Kubernetes clusters on this machine, each node a network namespace.

  testbed up [--clusters milan,rome] [--nodes 1] [--ranges same|distinct] [--bare]
             [--replicas N] [--kwok N] [--kwok-cluster NAME,…]
  testbed down
  testbed status
  testbed load IMAGE.tar [--clusters NAME,…]
  testbed exec CLUSTER[/NODE] -- COMMAND …
  testbed stop CLUSTER[/NODE] COMPONENT [--kill]
  testbed start CLUSTER[/NODE] COMPONENT
  testbed add-node CLUSTER[/NODE]
  testbed remove-node CLUSTER/NODE

up            makes what is missing, repairs what is broken, never takes away; safe to repeat
  --clusters  names of clusters; default: those that exist, in a new bed milan and rome
  --nodes     nodes of each of them, at least; default 1
  --ranges    same (default): all clusters have pods 10.244.0.0/16 and services 10.96.0.0/16
  --bare      without Tombolo
  --replicas  of Tombolo's controller and kubelet; default: those of the chart, two
  --kwok      nodes without machines, whose pods become Ready at once; 0 removes them
  --kwok-cluster  clusters that get them; default: all of --clusters
load          imports an image (docker save, buildah push docker-archive:) into every node
exec          runs a command in the network namespace of a node; default: the first node
stop, start   one of etcd apiserver kcm scheduler kwok, or of a node containerd kubelet proxy
  --kill      stop with SIGKILL, as in a crash; default SIGTERM
add-node      adds a node to a cluster that runs, and waits until it is Ready; node7 has the seventh /24 of the pod
              range; default: the lowest number that is free
remove-node   takes a node away like a machine that is switched off for ever: its Node object, pods, link and files
everywhere
  --dir       folder of the bed; default .testbed of the checkout. Each folder is a bed of its own.

Kubeconfigs are in .testbed/CLUSTER/kubeconfig, programs in .testbed/bin.
`;

export interface TargetName {
  readonly cluster: string;
  /** Undefined: the first node. */
  readonly node: string | undefined;
}

export type Command =
  | { readonly verb: 'help' }
  | { readonly verb: 'up'; readonly request: BedRequest; readonly bare: boolean; readonly replicas: number | undefined }
  | { readonly verb: 'down' | 'status' }
  | { readonly verb: 'load'; readonly archive: string; readonly clusters: readonly string[] | undefined }
  | { readonly verb: 'exec'; readonly target: TargetName; readonly command: readonly [string, ...string[]] }
  | { readonly verb: 'stop'; readonly target: TargetName; readonly component: Component; readonly kill: boolean }
  | { readonly verb: 'start'; readonly target: TargetName; readonly component: Component }
  | { readonly verb: 'add-node'; readonly target: TargetName }
  | { readonly verb: 'remove-node'; readonly cluster: string; readonly node: string };

export interface Flags {
  /** Absolute path. */
  readonly dir: string;
  readonly command: Command;
}

const OPTIONS = {
  dir: { type: 'string' },
  clusters: { type: 'string' },
  nodes: { type: 'string' },
  ranges: { type: 'string' },
  bare: { type: 'boolean' },
  replicas: { type: 'string' },
  kwok: { type: 'string' },
  'kwok-cluster': { type: 'string' },
  kill: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Which options a verb takes, beside `--dir` and `--help`. */
const TAKES: Readonly<Record<Exclude<Command['verb'], 'help'>, readonly (keyof typeof OPTIONS)[]>> = {
  up: ['clusters', 'nodes', 'ranges', 'bare', 'replicas', 'kwok', 'kwok-cluster'],
  down: [],
  status: [],
  load: ['clusters'],
  exec: [],
  stop: ['kill'],
  start: [],
  'add-node': [],
  'remove-node': [],
};

const MAX_KWOK_NODES = 5_000;
const MAX_NODES = 64;
const MAX_REPLICAS = 9;

/** A DNS label; node names hang `-node12` on it and must stay readable. */
const CLUSTER_NAME = /^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/;

/** Folder names that the bed itself uses. */
const RESERVED = new Set(['bin']);

/**
 * Reads the command line.
 * @param checkout folder against which the default of `--dir` is meant
 * @throws TestbedError `BadFlag`, `UnknownTarget`
 */
export function parseFlags(argv: readonly string[], checkout: string): Flags {
  const split = argv.indexOf('--');
  const command = split === -1 ? [] : argv.slice(split + 1);
  const { values, positionals } = parse(split === -1 ? argv : argv.slice(0, split));
  const dir = resolve(values.dir ?? resolve(checkout, '.testbed'));
  const [verb, ...rest] = positionals;
  if (values.help === true || verb === undefined || verb === 'help') {
    if (verb === undefined && values.help !== true)
      throw bad('run the test bed', argv.join(' ') || '(nothing)', 'it names no command');
    return { dir, command: { verb: 'help' } };
  }
  if (!isVerb(verb))
    throw bad('run the test bed', verb, `there is no such command; there are ${Object.keys(TAKES).join(', ')}`);
  for (const name of Object.keys(values) as (keyof typeof OPTIONS)[]) {
    if (name !== 'dir' && !TAKES[verb].includes(name))
      throw bad(`run ${verb}`, `--${name}`, `${verb} does not take it`);
  }
  if (split !== -1 && verb !== 'exec') throw bad(`run ${verb}`, '--', `${verb} runs no command`);
  return { dir, command: parseCommand(verb, rest, values, command) };
}

type Values = ReturnType<typeof parse>['values'];

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (cause) {
    const [why] = (cause as Error).message.split(/[.\n]/);
    throw bad('read the command line', args.join(' '), why ?? 'it cannot be understood', { cause });
  }
}

function isVerb(text: string): text is keyof typeof TAKES {
  return Object.hasOwn(TAKES, text);
}

function parseCommand(
  verb: keyof typeof TAKES,
  rest: readonly string[],
  values: Values,
  command: readonly string[],
): Command {
  switch (verb) {
    case 'up':
      arguments_(verb, rest, []);
      return {
        verb,
        request: parseRequest(values),
        bare: values.bare ?? false,
        replicas: integer('--replicas', values.replicas, 1, MAX_REPLICAS),
      };
    case 'down':
    case 'status':
      arguments_(verb, rest, []);
      return { verb };
    case 'load': {
      const [archive] = arguments_(verb, rest, ['IMAGE.tar']);
      return { verb, archive: resolve(archive ?? ''), clusters: names('--clusters', values.clusters) };
    }
    case 'exec': {
      const [target] = arguments_(verb, rest, ['CLUSTER[/NODE]']);
      const [program, ...args] = command;
      if (program === undefined) throw bad('run exec', target ?? '', 'no command stands after --');
      return { verb, target: parseTarget(target ?? ''), command: [program, ...args] };
    }
    case 'stop':
    case 'start': {
      const [target, component] = arguments_(verb, rest, ['CLUSTER[/NODE]', 'COMPONENT']);
      const which = { target: parseTarget(target ?? ''), component: parseComponent(component ?? '') };
      return verb === 'start' ? { verb, ...which } : { verb, ...which, kill: values.kill ?? false };
    }
    case 'add-node': {
      const [target] = arguments_(verb, rest, ['CLUSTER[/NODE]']);
      return { verb, target: parseTarget(target ?? '') };
    }
    case 'remove-node': {
      const [target = ''] = arguments_(verb, rest, ['CLUSTER/NODE']);
      const { cluster, node } = parseTarget(target);
      if (node === undefined) throw bad('remove a node', target, 'it names a cluster and no node');
      return { verb, cluster, node };
    }
  }
}

/** Checks the number of arguments of a verb against their names. */
function arguments_(verb: string, given: readonly string[], wanted: readonly string[]): readonly string[] {
  const surplus = given[wanted.length];
  if (surplus !== undefined)
    throw bad(`run ${verb}`, surplus, `${verb} takes ${wanted.length === 0 ? 'no arguments' : wanted.join(' ')}`);
  const missing = wanted[given.length];
  if (missing !== undefined) throw bad(`run ${verb}`, missing, 'it is missing');
  return given;
}

function parseRequest(values: Values): BedRequest {
  return {
    clusters: names('--clusters', values.clusters),
    nodes: integer('--nodes', values.nodes, 1, MAX_NODES),
    ranges: parseRanges(values.ranges),
    kwok: integer('--kwok', values.kwok, 0, MAX_KWOK_NODES),
    kwokClusters: names('--kwok-cluster', values['kwok-cluster']),
  };
}

function parseRanges(text: string | undefined): Ranges | undefined {
  if (text === undefined || text === 'same' || text === 'distinct') return text;
  throw bad('read --ranges', text, 'it is neither "same" nor "distinct"');
}

function integer(flag: string, text: string | undefined, low: number, high: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  throw bad(`read ${flag}`, text || '(empty)', `it is no whole number from ${low} to ${high}`);
}

function names(flag: string, text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const list = text.split(',');
  for (const name of list) {
    if (!CLUSTER_NAME.test(name) || RESERVED.has(name)) {
      throw bad(
        `read ${flag}`,
        name || '(empty)',
        'a cluster name has up to 30 of a–z, 0–9 and -, and begins with a letter',
      );
    }
  }
  if (new Set(list).size !== list.length) throw bad(`read ${flag}`, text, 'it names a cluster twice');
  return list;
}

/** `CLUSTER` or `CLUSTER/NODE`; whether they exist is for the bed to say. */
export function parseTarget(text: string): TargetName {
  const [cluster, node, ...rest] = text.split('/');
  if (cluster === undefined || cluster === '' || node === '' || rest.length > 0) {
    throw bad('read a cluster', text || '(empty)', 'it is not of the form CLUSTER or CLUSTER/NODE');
  }
  return { cluster, node };
}

function bad(attempted: string, where: string, why: string, options?: ErrorOptions): TestbedError {
  return new TestbedError('BadFlag', { attempted, where, why }, options);
}
