import type { Diagnosis } from './diagnose.ts';
import type { Cause } from './fault-tree.ts';

/** Causes for people, the first one first to be mended; then what was looked at, and what cannot be known from here. */
export function printDiagnosis({ cluster, healthy, causes, checks, unknown, notes }: Diagnosis): string {
  const looked = checks.map(({ name, result }) => `  ${result.padEnd(7)}   ${name}\n`).join('');
  const parts = [
    ...causes.map(printCause),
    `Checks:\n${looked}`,
    ...list('Not known from here', unknown),
    ...list('No fault, but good to know', notes),
    healthy ? `All is well with cluster ${cluster}.\n` : verdict(causes.length),
  ];
  return parts.join('\n');
}

function list(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:\n${lines.map((line) => `  - ${line}\n`).join('')}`];
}

function verdict(count: number): string {
  return count === 1 ? 'One cause was found.\n' : `${count} causes were found; mend them from the top.\n`;
}

function printCause(cause: Cause, index: number): string {
  const { title, peer, message, from, to, port, protocol, next, unknown, consequences } = cause;
  const rows = [
    ['why', message],
    ['from', from],
    ['to', to],
    ['port', port],
    ['protocol', protocol],
    ['next', next],
    ['unknown', unknown],
  ] as const;
  const facts = rows.flatMap(([name, value]) => (value === undefined ? [] : [`   ${name.padEnd(10)}${value}\n`]));
  const follows = consequences.map((finding) => `     - ${finding.message}\n`).join('');
  const head = `${index + 1}. ${peer === undefined ? '' : `${peer}: `}${title} (${cause.code})\n`;
  return `${head}${facts.join('')}${follows === '' ? '' : `   from this follows\n${follows}`}`;
}
