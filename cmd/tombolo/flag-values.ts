import { InvalidArgumentError } from 'commander';
import { parseDuration } from './duration.ts';

/** Parsers of flag values. Each says in one sentence what the value must be; commander names the flag. */

export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It is a duration above zero such as 90s, 5m or 1h30m.');
  return ms;
}

/** A DNS label of at most 48 characters, so that names made from it still fit (PEER-12). */
export function name(text: string): string {
  if (text.length > 48) throw new InvalidArgumentError(`It has ${text.length} characters; at most 48 are allowed.`);
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)) {
    throw new InvalidArgumentError('It must be a DNS label: lower-case letters, digits and dashes inside.');
  }
  return text;
}

const QUANTITY = /^\d+(\.\d+)?([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/;
const RESOURCE = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/** `cpu=4,memory=8Gi,pods=110` → amounts by resource name; given twice, the later wins. */
export function resources(text: string, before: Record<string, string> = {}): Record<string, string> {
  const pairs = text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    const [key, amount] = at < 0 ? [pair, ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    if (!RESOURCE.test(key) || !QUANTITY.test(amount)) {
      throw new InvalidArgumentError(`"${pair}" is not RESOURCE=QUANTITY, as in cpu=4,memory=8Gi,pods=110.`);
    }
    return [key, amount] as const;
  });
  return { ...before, ...Object.fromEntries(pairs) };
}

/** host:port with a port between 1 and 65535; IPv6 in brackets. Collects. */
export function addresses(text: string, before: string[] = []): string[] {
  const port = Number(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)?.[1]);
  if (!(port >= 1 && port <= 65_535)) {
    throw new InvalidArgumentError('It is host:port with a port from 1 to 65535, as in 203.0.113.7:30443.');
  }
  return [...before, text];
}

export function httpsUrl(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== 'https:') {
    throw new InvalidArgumentError('It is a URL that begins with https://.');
  }
  return text;
}

/** Collects values of a flag that may be given more than once. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

const REQUIREMENT =
  /^(?:(?<exists>!?)(?<alone>[^\s!=<>(),]+)|(?<key>[^\s!=<>(),]+)\s*(?:(?<sign>==|=|!=|>|<)\s*(?<value>[^\s!=<>(),]*)|\s(?<set>in|notin)\s*\((?<values>[^()]*)\)))$/;

export interface Expression {
  key: string;
  operator: string;
  values?: string[];
}

/**
 * One term of a peer selector in kubectl's label-selector language: expressions with commas between are AND; the flag
 * given more than once is OR. `region in (eu,us),tier=gold,!spot`
 */
export function selectorTerm(
  text: string,
  before: { matchExpressions: Expression[] }[] = [],
): { matchExpressions: Expression[] }[] {
  const matchExpressions = text.split(/,(?![^()]*\))/).map((part) => expression(part.trim()));
  return [...before, { matchExpressions }];
}

const SIGNS: Record<string, string> = { '=': 'In', '==': 'In', '!=': 'NotIn', '>': 'Gt', '<': 'Lt' };

function expression(text: string): Expression {
  const found = REQUIREMENT.exec(text)?.groups;
  if (found === undefined) {
    throw new InvalidArgumentError(`"${text}" is not a label requirement, as in region=eu, tier in (a,b) or !spot.`);
  }
  if (found['alone'] !== undefined) {
    return { key: found['alone'], operator: found['exists'] === '!' ? 'DoesNotExist' : 'Exists' };
  }
  const key = found['key'] ?? '';
  if (found['set'] !== undefined) {
    const values = (found['values'] ?? '').split(',').map((value) => value.trim());
    return { key, operator: found['set'] === 'in' ? 'In' : 'NotIn', values };
  }
  return { key, operator: SIGNS[found['sign'] ?? '='] ?? 'In', values: [found['value'] ?? ''] };
}
