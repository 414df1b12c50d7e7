import { type Cidr, formatCidr, readCidr } from '#network/cidr';

/** How a range is seen on this side. Both have the same family and length. */
export interface Alias {
  /** The range as its own cluster knows it. */
  readonly original: Cidr;
  /** The range that stands for it here; equal to `original` where nothing is translated. */
  readonly alias: Cidr;
}

/** An alias as a status holds it and as packet rules are made from. */
export interface AliasRecord {
  readonly original: string;
  readonly alias: string;
}

export function formatAlias({ original, alias }: Alias): AliasRecord {
  return { original: formatCidr(original), alias: formatCidr(alias) };
}

/**
 * Aliases of a status, which a hand may have edited: what is no pair of equal ranges is left out, and the decision then
 * finds another alias for it.
 */
export function readAliases(records: readonly AliasRecord[]): Alias[] {
  return records.flatMap((record) => {
    const original = readCidr(record.original);
    const alias = readCidr(record.alias);
    return original !== undefined && alias !== undefined && isSameSize(original, alias) ? [{ original, alias }] : [];
  });
}

export function isSameSize(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.prefixLength === b.prefixLength;
}
