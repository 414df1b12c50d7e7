import { isIP } from 'node:net';
import { NatError } from './errors.ts';

/** The protocol words of nft: one set of rules is written per family. */
export const FAMILIES = ['ip', 'ip6'] as const;
export type Family = (typeof FAMILIES)[number];

/** IFNAMSIZ is 16 with the closing zero; quotes and wildcards would change the meaning of a rule. */
const DEVICE = /^[^\s/"\\*]{1,15}$/;

/** What nft accepts as a bare word and we use for tables. */
const TABLE = /^[a-z][a-z0-9_-]{0,63}$/;

const invalid = (what: string, value: string, why: string): NatError =>
  new NatError('NatStateInvalid', { attempted: 'write packet rules', where: `${what} "${value}"`, why });

/**
 * The family of a range or address.
 * @throws NatError `NatStateInvalid`; whatever passed can stand in a rule as it is
 */
export function familyOf(range: string): Family {
  const [address = '', length, ...rest] = range.split('/');
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  const isRange = length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits);
  if (version === 0 || address.includes('%') || !isRange || rest.length > 0) {
    throw invalid('range', range, 'neither a CIDR range nor an address');
  }
  return version === 4 ? 'ip' : 'ip6';
}

/** End of the name of a set of that family. */
export const suffix = (family: Family): string => (family === 'ip' ? '4' : '6');

/** Refuses and counts. */
export const drop = (counterName: string): string => `counter name ${counterName} drop`;

/** The members of one family, each once, in their order. */
export function only(family: Family, ranges: readonly string[]): string[] {
  return [...new Set(ranges)].filter((range) => familyOf(range) === family);
}

/** The same for `ADDRESS . PROTOCOL . PORT`. */
export function onlyPorts(family: Family, ports: readonly string[]): string[] {
  return [...new Set(ports)].filter((text) => familyOf(text.split(' ')[0] ?? '') === family);
}

/** A device name in quotes. */
export function device(name: string): string {
  if (!DEVICE.test(name)) throw invalid('device', name, 'not a device name');
  return `"${name}"`;
}

export function port(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw invalid('port', String(value), 'not 1 to 65535');
  return value;
}

/**
 * A peer name as part of a chain or counter name. Injective: what nft cannot read in a name, and `_` itself, becomes its
 * code in hexadecimal. It follows a word of ours, so a leading digit or `-` does no harm.
 */
export function safeName(peer: string): string {
  return peer.replaceAll(/[^A-Za-z0-9-]/g, (char) => `_${(char.codePointAt(0) ?? 0).toString(16)}_`);
}

/** Elements of an anonymous set or map, a line each so that a table can be read and compared. */
export function elements(items: readonly string[]): string {
  return `{\n\t\t\t${items.join(',\n\t\t\t')}\n\t\t}`;
}

/** A named set of ranges; `parts` fields each, joined by `.` in the elements. */
export function rangeSet(name: string, family: Family, items: readonly string[], parts = 1): string {
  const type = Array.from({ length: parts }, () => (family === 'ip' ? 'ipv4_addr' : 'ipv6_addr')).join(' . ');
  // Merging is for plain ranges only: an own range may contain another one (anchors inside pods of a wide block).
  const flags = parts === 1 ? 'flags interval; auto-merge' : 'flags interval';
  const unique = [...new Set(items)];
  const listed = unique.length === 0 ? '' : `\n\t\telements = ${elements(unique)}`;
  return `set ${name} {\n\t\ttype ${type}; ${flags}${listed}\n\t}`;
}

/** A named set of addresses whose elements are not part of the text: they come and go without the table. */
export function addressSet(name: string, family: Family): string {
  return `set ${name} {\n\t\ttype ${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'};\n\t}`;
}

/** The same for ranges. */
export function openRangeSet(name: string, family: Family): string {
  return `set ${name} {\n\t\ttype ${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'}; flags interval;\n\t}`;
}

/** The same for address, protocol and port. */
export function endpointSet(name: string, family: Family): string {
  return `set ${name} {\n\t\ttype ${family === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service;\n\t}`;
}

export function chain(name: string, lines: readonly string[]): string {
  return `chain ${name} {${lines.map((line) => `\n\t\t${line}`).join('')}\n\t}`;
}

export function counter(name: string): string {
  return `counter ${name} {\n\t}`;
}

/** Families of tables: `inet` for both IP versions, `bridge` for what a bridge carries between its ports. */
export type TableFamily = 'inet' | 'bridge';

/** The whole transaction: whatever stood under that name is replaced in the same instant. */
export function tableText(name: string, blocks: readonly string[], family: TableFamily = 'inet'): string {
  if (!TABLE.test(name)) throw invalid('table', name, 'not a table name');
  const body = blocks.map((block) => `\t${block}\n`).join('');
  return `add table ${family} ${name}\ndelete table ${family} ${name}\ntable ${family} ${name} {\n${body}}\n`;
}
