import { peerName as schema } from '#pkg/api';
import { PeeringError } from './errors.ts';

/** A name that fits everywhere we build longer ones from it: tenant and twin namespaces, nodes, Secrets. */
const MAX_LENGTH = 48;
const RULE = `a peer name is a DNS label of at most ${MAX_LENGTH} characters (a-z, 0-9 and -, begins and ends with a letter or digit)`;

/**
 * `name`, if it keeps the rule for peer and cluster names (PEER-12).
 * @param what whose name it is, for the sentence: `--name`, `the cluster name in the invite`
 * @throws PeeringError `InvalidPeerName`
 */
export function checkPeerName(name: string, what: string): string {
  if (schema.safeParse(name).success) return name;
  const why = name.length > MAX_LENGTH ? `it has ${name.length} characters; ${RULE}` : RULE;
  throw new PeeringError('InvalidPeerName', {
    attempted: `use ${what}`,
    where: JSON.stringify(name.slice(0, 2 * MAX_LENGTH)),
    why,
  });
}

/** `name` with `-` and the first 4 hex digits of the fingerprint, cut to stay within 48 characters (PEER-13). */
export function nameWithSuffix(name: string, fingerprint: string): string {
  const suffix = `-${fingerprint.slice(0, 4)}`;
  return `${name.slice(0, MAX_LENGTH - suffix.length).replace(/-+$/, '')}${suffix}`;
}
