/**
 * `npm run bench -- burst|network|expose`: what Tombolo costs, next to the same without it, in one run.
 *
 * The figures are for comparing within one run: this machine is noisy and both clusters share it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { burst } from './burst.ts';
import { renderBurst } from './burst-report.ts';
import { expose } from './expose.ts';
import { renderExpose } from './expose-report.ts';
import { network } from './network.ts';
import { renderNetwork } from './network-report.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = join(root, '.testbed-bench');
const USAGE = `npm run bench -- burst   [--sizes 10,100,1000,3000] [--rounds 3] [--kwok 100] [--kind always|never] [--tokens] [--keep]
npm run bench -- network [--rounds 7] [--seconds 5] [--keep]
npm run bench -- expose  [--sizes 10,100,1000] [--rounds 3] [--kwok 20] [--keep]

burst     creates one Deployment of N pods (or N bare pods) on the provider directly and through Tombolo, alternating
network   loads a pod at the provider from one at home, next to wireguard-go alone and to plain links between their nodes
expose    creates a Service over N ready pods at home, and sees how fast slices here and there hold them all
--sizes   pods per burst, or behind the Service
--rounds  times each
--seconds of each measurement of the network
--kwok    nodes that only pretend to run pods: of the provider for burst, at home for expose
--kind    always: a Deployment, wrapped in ReplicaSets (default); never: pods without a controller, bare there too
--tokens  the pods mount the token of their service account, as pods do where nobody says otherwise
--keep    leaves the clusters up

The table goes to stdout, everything as JSON to .bench/NAME.json.`;

const OPTIONS = {
  sizes: { type: 'string' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  kwok: { type: 'string' },
  kind: { type: 'string' },
  tokens: { type: 'boolean' },
  keep: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

interface Benchmark {
  readonly takes: readonly (keyof typeof OPTIONS)[];
  /** @returns everything that was measured, and the table of it */
  run(values: Values, keep: boolean): Promise<{ readonly report: object; readonly text: string }>;
}

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  burst: {
    takes: ['sizes', 'rounds', 'kwok', 'kind', 'tokens'],
    async run({ sizes = '10,100,1000,3000', rounds = '3', kwok = '100', kind = 'always', tokens = false }, keep) {
      if (kind !== 'always' && kind !== 'never') throw new UsageError(`--kind: “${kind}” is neither always nor never`);
      const numbers = { sizes: list('sizes', sizes), rounds: whole('rounds', rounds), kwok: whole('kwok', kwok) };
      const report = await burst({ root, folder, ...numbers, kind, hasTokens: tokens, keep });
      return { report, text: renderBurst(report) };
    },
  },
  network: {
    takes: ['rounds', 'seconds'],
    async run({ rounds = '7', seconds = '5' }, keep) {
      const numbers = { rounds: whole('rounds', rounds), seconds: whole('seconds', seconds) };
      const report = await network({ folder, ...numbers, keep }, interrupted());
      return { report, text: renderNetwork(report) };
    },
  },
  expose: {
    takes: ['sizes', 'rounds', 'kwok'],
    async run({ sizes = '10,100,1000', rounds = '3', kwok = '20' }, keep) {
      const numbers = { sizes: list('sizes', sizes), rounds: whole('rounds', rounds), kwok: whole('kwok', kwok) };
      const report = await expose({ folder, ...numbers, keep }, interrupted());
      return { report, text: renderExpose(report) };
    },
  },
};

/** What was asked for is wrong, not what was done. */
class UsageError extends Error {}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new UsageError(`--${name}: “${text}” is not a whole number above 0`);
  return number;
}

function list(name: string, text: string): number[] {
  return text.split(',').map((part) => whole(name, part));
}

/** Aborts when a person ends the benchmark: what it made is then taken away. A second time ends it at once. */
function interrupted(): AbortSignal {
  const stop = new AbortController();
  for (const event of ['SIGINT', 'SIGTERM']) process.once(event, () => stop.abort(new Error(`ended by ${event}`)));
  return stop.signal;
}

async function main(): Promise<string> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const [name] = positionals;
  if (values.help === true || name === undefined) return `${USAGE}\n`;
  const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (benchmark === undefined) {
    throw new UsageError(`there is no benchmark “${name}”; there are: ${Object.keys(BENCHMARKS).join(', ')}`);
  }
  for (const option of Object.keys(values) as (keyof typeof OPTIONS)[]) {
    if (option !== 'keep' && !benchmark.takes.includes(option))
      throw new UsageError(`${name} does not take --${option}`);
  }
  const { report, text } = await benchmark.run(values, values.keep === true);
  await mkdir(join(root, '.bench'), { recursive: true });
  await writeFile(join(root, `.bench/${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
  return text;
}

try {
  process.stdout.write(await main());
} catch (error) {
  const isUsage =
    error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true;
  const why = error instanceof Error ? error.message : String(error);
  process.stderr.write(isUsage ? `bench: ${why}\n\n${USAGE}\n` : `bench: ${why}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
