/**
 * Lets through so many messages a second, in all and from one sender; the rest is not even decoded. A quiet link has a
 * handful a minute, a hundred agents that start together some hundreds in a second or two.
 */
const PER_SECOND = 200;
const PER_SENDER = 40;
/** Senders that are counted apart; further ones of that second share the rest. */
const MAX_SENDERS = 256;

export interface FloodGate {
  isOpen(sender: string): boolean;
  /** Messages that were turned away so far. */
  readonly refused: number;
}

export function floodGate(now: () => number): FloodGate {
  let second = 0;
  let total = 0;
  let refused = 0;
  const bySender = new Map<string, number>();
  return {
    isOpen(sender) {
      const current = Math.floor(now() / 1000);
      if (current !== second) {
        second = current;
        total = 0;
        bySender.clear();
      }
      const key = bySender.size < MAX_SENDERS || bySender.has(sender) ? sender : 'others';
      const count = (bySender.get(key) ?? 0) + 1;
      bySender.set(key, count);
      // What one loud sender is denied takes nothing from the others.
      const isOpen = count <= PER_SENDER && total < PER_SECOND;
      if (isOpen) total += 1;
      else refused += 1;
      return isOpen;
    },
    get refused() {
      return refused;
    },
  };
}
