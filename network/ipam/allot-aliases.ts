import { type Cidr, covers, firstFree, formatCidr, overlaps, parseCidr } from '#network/cidr';
import { checkAnnouncedRange, isPrivate } from './check-range.ts';

/** Each range costs rules and routes on the gateway and on every node. */
export const MAX_ANNOUNCED = 64;

/** How a range of a peer is seen here. Both in CIDR form, of equal size. */
export interface Alias {
  readonly range: string;
  readonly alias: string;
}

/** A range that gets no alias. `message` is a sentence for people. */
export interface RangeProblem {
  readonly range: string;
  readonly code: 'RangeRefused' | 'NoFreeRange' | 'TooManyRanges';
  readonly message: string;
}

export interface AliasRequest {
  /** As the peer announced them, unchecked. */
  readonly announced: readonly string[];
  /** What was chosen for this peer before. */
  readonly standing: readonly Alias[];
  /** Ranges that no alias may touch: our own, reserved ones, aliases of other peers. */
  readonly taken: readonly string[];
  /** Aliases that were given back a short while ago; a standing one is not held back by them. */
  readonly resting: readonly string[];
  /** Where aliases come from, in order. */
  readonly pools: readonly string[];
}

/**
 * Chooses how the ranges of one peer are seen here. What was chosen before stays as long as it can (NET-04, NET-05); else the
 * range itself where it is free (NET-01); else the first free range of equal size from the pools (NET-02). A range without a
 * place is a problem of its own and disturbs no other (NET-06).
 * @throws CidrError for our own ranges only; what the peer announced becomes a problem
 */
export function allotAliases(request: AliasRequest): { aliases: Alias[]; problems: RangeProblem[] } {
  const problems: RangeProblem[] = [];
  const ranges = acceptable(request.announced, problems);
  const taken = request.taken.map(parseCidr);
  const resting = request.resting.map(parseCidr);
  const pools = request.pools.map(parseCidr);
  const chosen = new Map<Cidr, Cidr>();

  // What stands first, for all ranges: a new one never gets the place of an old one.
  for (const range of ranges) {
    const alias = standingAlias(range, request.standing);
    if (alias !== undefined && isFree(alias, [...taken, ...chosen.values()])) chosen.set(range, alias);
  }
  for (const range of ranges) {
    if (chosen.has(range)) continue;
    const busy = [...taken, ...resting, ...chosen.values()];
    const alias = isPrivate(range) && isFree(range, busy) ? range : fromPools(range, pools, busy);
    if (alias === undefined) problems.push(noFreeRange(range, request.pools));
    else chosen.set(range, alias);
  }
  const aliases = ranges.flatMap((range) => {
    const alias = chosen.get(range);
    return alias === undefined ? [] : [{ range: formatCidr(range), alias: formatCidr(alias) }];
  });
  return { aliases, problems };
}

function acceptable(announced: readonly string[], problems: RangeProblem[]): Cidr[] {
  const ranges: Cidr[] = [];
  for (const text of announced.slice(0, MAX_ANNOUNCED)) {
    const checked = checkAnnouncedRange(text);
    const other = 'range' in checked ? ranges.find((range) => overlaps(range, checked.range)) : undefined;
    const why = 'why' in checked ? checked.why : other && `overlaps ${formatCidr(other)}, which is announced too`;
    if ('range' in checked && why === undefined) ranges.push(checked.range);
    else problems.push({ range: text, code: 'RangeRefused', message: `range ${text} is refused: it ${why}` });
  }
  if (announced.length > MAX_ANNOUNCED) {
    const message = `${announced.length} ranges are announced, only the first ${MAX_ANNOUNCED} are used`;
    problems.push({ range: announced[MAX_ANNOUNCED] ?? '', code: 'TooManyRanges', message });
  }
  return ranges;
}

/** What is stored was ours once, but an admin may have edited it: it is checked again. */
function standingAlias(range: Cidr, standing: readonly Alias[]): Cidr | undefined {
  const entry = standing.find((candidate) => candidate.range === formatCidr(range));
  if (entry === undefined) return undefined;
  const checked = checkAnnouncedRange(entry.alias);
  if (!('range' in checked)) return undefined;
  const { range: alias } = checked;
  return alias.family === range.family && alias.prefixLength === range.prefixLength ? alias : undefined;
}

function isFree(range: Cidr, busy: readonly Cidr[]): boolean {
  return busy.every((other) => !overlaps(range, other));
}

function fromPools(range: Cidr, pools: readonly Cidr[], busy: readonly Cidr[]): Cidr | undefined {
  for (const pool of pools) {
    if (pool.family !== range.family) continue;
    const free = firstFree(pool, range.prefixLength, busy);
    if (free !== undefined) return free;
  }
  return undefined;
}

function noFreeRange(range: Cidr, pools: readonly string[]): RangeProblem {
  const text = formatCidr(range);
  const fitting = pools.filter((pool) => parseCidr(pool).family === range.family);
  const where = fitting.length === 0 ? `no pool is for IPv${range.family}` : `none is left in ${fitting.join(', ')}`;
  const message = `range ${text} needs a free range of the size /${range.prefixLength}, and ${where}`;
  return { range: text, code: 'NoFreeRange', message };
}

/** Overlaps among ranges of our own, and ranges that are none: what is wrong, in a sentence; undefined where nothing is. */
export function ownRangesProblem(
  ranges: readonly { readonly what: string; readonly range: string }[],
): string | undefined {
  const parsed: { what: string; range: Cidr }[] = [];
  for (const { what, range: text } of ranges) {
    const checked = checkAnnouncedRange(text);
    if ('why' in checked) return `${what} ${text} cannot be used: it ${checked.why}`;
    const other = parsed.find(({ range }) => overlaps(range, checked.range));
    if (other !== undefined && !isNested(other, { what, range: checked.range })) {
      return `${what} ${text} overlaps ${other.what} ${formatCidr(other.range)}`;
    }
    parsed.push({ what, range: checked.range });
  }
  return undefined;
}

/** The same kind of thing may be written twice, a part beside the whole. */
function isNested(a: { what: string; range: Cidr }, b: { what: string; range: Cidr }): boolean {
  return a.what === b.what && (covers(a.range, b.range) || covers(b.range, a.range));
}
