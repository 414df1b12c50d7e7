/**
 * What fits between the headers of a tunnel: WireGuard pads what it encrypts to 16 bytes, so of a path that is no multiple
 * of it the rest is of no use.
 */
const STEP_BYTES = 16;

export interface PathSearch {
  /** What must pass for the path to be of any use; a multiple of 16. */
  readonly smallest: number;
  /** What never has to pass: the MTU of the devices at the ends. */
  readonly largest: number;
  /** What passed last time: where most of the way is as before, the search is short. */
  readonly known?: number;
  /** Whether a packet of so many bytes arrives. */
  readonly passes: (packetBytes: number) => Promise<boolean>;
}

/**
 * The largest packet that passes: `largest`, or a multiple of 16 (RFC 8899, section 5.3, as a binary search). One probe where
 * nothing is in the way, about four sizes else.
 * @returns undefined where not even the smallest one passes: the path is down, and says nothing of sizes
 */
export async function searchPathMtu({ smallest, largest, known, passes }: PathSearch): Promise<number | undefined> {
  if (await passes(largest)) return largest;
  let low = smallest;
  if (known !== undefined && known > smallest && known < largest && (await passes(known))) low = known;
  else if (!(await passes(smallest))) return undefined;
  let high = largest;
  for (;;) {
    const middle = Math.floor((low + high) / 2 / STEP_BYTES) * STEP_BYTES;
    const size = middle > low ? middle : middle + STEP_BYTES;
    if (size <= low || size >= high) return low;
    if (await passes(size)) low = size;
    else high = size;
  }
}
