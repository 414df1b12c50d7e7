import { createHash } from 'node:crypto';
import type { NamespaceClaimSpec } from '#pkg/api';
import { isReservedName } from '../reserved.ts';

/** Longest name of a namespace (a DNS label). */
const MAX_LENGTH = 63;
const HASH_LENGTH = 8;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export type TwinName = { readonly name: string } | { readonly refused: string };

/**
 * Name of the twin that a claim asks for, or why it may not have one (`NameReserved`). Pure and stable: it depends on the
 * claim, the consumer and the patterns alone, never on what else exists.
 * @param consumer as this provider calls it
 * @param patterns names that its twins may have, with `*`; default `*-<consumer>` and the plain home name
 */
export function twinName(spec: NamespaceClaimSpec, consumer: string, patterns?: readonly string[]): TwinName {
  const home = spec.homeNamespace;
  if (!DNS_LABEL.test(home)) return { refused: `“${home}” is not the name of a namespace` };
  const plain = `${home}-${consumer}`;
  const name = wantedName(spec, consumer);
  if (!DNS_LABEL.test(name)) return { refused: `“${name}” is not the name of a namespace` };
  if (isReservedName(name))
    return { refused: `the name ${name} is reserved: kube-* and tombolo-* belong to the cluster` };
  const allowed = patterns ?? [`*-${consumer}`, home];
  // A default name with a hash counts as the name that it stands for: patterns are written by people.
  const isAllowed = allowed.some(
    (pattern) => matchesPattern(pattern, name) || (spec.twinStrategy === 'Default' && matchesPattern(pattern, plain)),
  );
  return isAllowed
    ? { name }
    : { refused: `the name ${name} is not allowed for this peer; allowed are ${allowed.join(', ')}` };
}

function wantedName(spec: NamespaceClaimSpec, consumer: string): string {
  switch (spec.twinStrategy) {
    case 'Default':
      return defaultTwinName(spec.homeNamespace, consumer);
    case 'Same':
      return spec.homeNamespace;
    case 'Named':
      return spec.twinName ?? '';
  }
}

/**
 * `<namespace>-<consumer>`, cut and with a hash where it is too long (REF-10) or could be read in two ways (fact 17):
 * `a-b` of `c` and `a` of `b-c` are both `a-b-c`. A consumer without a dash leaves one reading only, the last dash; one
 * that looks like our hash could be taken for a hashed name.
 */
export function defaultTwinName(home: string, consumer: string): string {
  const plain = `${home}-${consumer}`;
  const isAmbiguous = consumer.includes('-') || /^[0-9a-f]{8}$/.test(consumer);
  if (plain.length <= MAX_LENGTH && !isAmbiguous) return plain;
  const hash = createHash('sha256').update(`${home}/${consumer}`).digest('hex').slice(0, HASH_LENGTH);
  const cut = plain.slice(0, MAX_LENGTH - HASH_LENGTH - 1).replace(/-+$/, '');
  return `${cut}-${hash}`;
}

/** `*` stands for any number of characters; everything else for itself. Linear in the length of `name`, per star. */
function matchesPattern(pattern: string, name: string): boolean {
  const parts = pattern.split('*');
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return name === pattern;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - at >= last.length && name.endsWith(last);
}
