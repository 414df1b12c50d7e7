import { NatError } from './errors.ts';

/** One object of `nft -j list`: a table, chain, rule, set, map or counter, without its handle. */
export interface ListedObject {
  readonly set?: { readonly name: string; readonly elem?: readonly unknown[] };
  readonly counter?: { readonly name: string; readonly packets: number; readonly bytes: number };
  readonly [kind: string]: unknown;
}

/**
 * Objects of a listing in the kernel's order, without handles, which are new with every transaction.
 * @throws NatError `NatToolFailed` where the answer is not that of nft
 */
export function parseListing(stdout: string, table: string): ListedObject[] {
  try {
    const document = JSON.parse(stdout, withoutHandle) as { nftables: ListedObject[] };
    return document.nftables.filter((object) => !('metainfo' in object));
  } catch (cause) {
    const where = `table ${table}`;
    const facts = { attempted: 'read the packet rules', where, why: 'nft did not answer with a listing' };
    throw new NatError('NatToolFailed', facts, { cause });
  }
}

/** The same object without the elements of such a set. @param names sets whose elements come and go */
export function withoutElements(object: ListedObject, names: ReadonlyMap<string, unknown>): ListedObject {
  if (object.set === undefined || !names.has(object.set.name)) return object;
  const { elem: _, ...set } = object.set;
  return { set };
}

/** The same object with no count in it. */
export function withoutTraffic(object: ListedObject): ListedObject {
  return object.counter === undefined ? object : { counter: { ...object.counter, packets: 0, bytes: 0 } };
}

function withoutHandle(key: string, value: unknown): unknown {
  return key === 'handle' ? undefined : value;
}

/** Without /etc/protocols, as in a small image, nft lists protocols by their number. */
const PROTOCOLS = new Map<unknown, string>([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

/** An element of a listed set, as it is written to add it: `ADDRESS`, `RANGE` or `ADDRESS . PROTOCOL . PORT`. */
export function elementText(element: unknown): string {
  if (typeof element !== 'object' || element === null) return String(element);
  if ('concat' in element && Array.isArray(element.concat)) {
    const [address, protocol, port] = element.concat as unknown[];
    return `${address} . ${PROTOCOLS.get(protocol) ?? protocol} . ${port}`;
  }
  if ('prefix' in element) {
    const { addr, len } = element.prefix as { addr: string; len: number };
    return `${addr}/${len}`;
  }
  return JSON.stringify(element); // equal to nothing that we write: taken for drift
}
