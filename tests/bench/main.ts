/**
 * `npm run bench -- burst`: how long a burst of pods takes on the provider directly and through Tombolo, side by side.
 *
 * The figures are for comparing within one run: this machine is noisy and both clusters share it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { burst, type BurstReport } from './burst.ts';
import { table } from './table.ts';

const root = resolve(import.meta.dirname, '../..');
const USAGE = `npm run bench -- burst [--sizes 10,100,1000,3000] [--rounds 3] [--kwok 100] [--kind always|never] [--keep]

burst     creates one Deployment of N pods (or N bare pods) on the provider directly and through Tombolo, alternating
--sizes   pods per burst
--rounds  times each
--kwok    nodes of the provider that only pretend to run pods
--kind    always: a Deployment, wrapped in ReplicaSets (default); never: pods without a controller, bare there too
--keep    leaves the clusters up

The table goes to stdout, everything as JSON to .bench/burst.json.`;

function parse() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      sizes: { type: 'string', default: '10,100,1000,3000' },
      rounds: { type: 'string', default: '3' },
      kwok: { type: 'string', default: '100' },
      kind: { type: 'string', default: 'always' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const whole = (name: string, text: string) => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1) throw new Error(`--${name}: “${text}” is not a whole number above 0`);
    return number;
  };
  if (values.help || positionals[0] === undefined) return undefined;
  if (positionals[0] !== 'burst') throw new Error(`there is no benchmark “${positionals[0]}”; there is: burst`);
  if (values.kind !== 'always' && values.kind !== 'never')
    throw new Error(`--kind: “${values.kind}” is neither always nor never`);
  return {
    sizes: values.sizes.split(',').map((text) => whole('sizes', text)),
    rounds: whole('rounds', values.rounds),
    kwok: whole('kwok', values.kwok),
    kind: values.kind as 'always' | 'never',
    keep: values.keep,
  };
}

function print(report: BurstReport): void {
  const number = (value: number, digits = 1) => value.toFixed(digits);
  const rows = report.sizes.map((size) => {
    const { direct, tombolo } = size.median;
    return [
      String(size.pods),
      number(direct.seconds),
      number(tombolo.seconds),
      number(tombolo.seconds / direct.seconds, 2),
      number(direct.cpuSeconds),
      number(tombolo.cpuSeconds),
      number(tombolo.cpuSeconds / direct.cpuSeconds, 2),
      number(tombolo.ownCpuSeconds),
      number(direct.providerRequestsPerPod),
      number(tombolo.providerRequestsPerPod),
      number(tombolo.ownProviderRequestsPerPod),
      number(tombolo.homeRequestsPerPod),
      number(tombolo.kubeletPeakMiB, 0),
      number(tombolo.controllerPeakMiB, 0),
    ];
  });
  const head = [
    'pods',
    'direct s',
    'tombolo s',
    'ratio',
    'direct CPU s',
    'tombolo CPU s',
    'ratio',
    'ours CPU s',
    'req/pod direct',
    'req/pod provider',
    'of them ours',
    'req/pod home',
    'kubelet MiB',
    'controller MiB',
  ];
  process.stdout.write(
    `${table(head, rows)}\nmedian of ${report.rounds} alternated rounds; idle: ${number(report.idlePercentOfCore, 2)} % of a core for our processes, ${number(report.idlePercentOfBusiest, 2)} % for the busiest\n`,
  );
}

try {
  const options = parse();
  if (options === undefined) process.stdout.write(`${USAGE}\n`);
  else {
    const report = await burst({ ...options, root, folder: join(root, '.testbed-bench') });
    await mkdir(join(root, '.bench'), { recursive: true });
    await writeFile(join(root, '.bench/burst.json'), `${JSON.stringify(report, undefined, 2)}\n`);
    print(report);
  }
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
  process.exitCode = 2;
}
