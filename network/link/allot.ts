import type { RangeAlias } from '#pkg/api';

/** What is asked of the arithmetic for one peer. All ranges in CIDR form. */
export interface AllotRequest {
  /** As the peer announced them: not trusted, not checked yet. */
  readonly announced: readonly string[];
  /** Aliases that the peer has. Those of ranges that are still announced stay, while nothing else needs their place. */
  readonly standing: readonly RangeAlias[];
  /** Everything that an alias may not touch: our own ranges, reserved ones, aliases of other peers. */
  readonly taken: readonly string[];
  /** Aliases that were given back a short while ago, of any peer. */
  readonly resting: readonly string[];
  readonly pools: readonly string[];
}

/** A range that gets no alias, and why. */
export interface RangeProblem {
  readonly range: string;
  /** CamelCase: the reason of the condition. */
  readonly code: string;
  readonly message: string;
}

export interface Allotment {
  readonly aliases: readonly RangeAlias[];
  readonly problems: readonly RangeProblem[];
}

/** Chooses aliases. Handed in by the process, which takes it from `network/ipam`. */
export type Allot = (request: AllotRequest) => Allotment;
