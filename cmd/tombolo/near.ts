/** Fewest insertions, deletions and replacements that turn `a` into `b` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/**
 * The known names that somebody may have meant by `wanted`, nearest first, at most three. Names that contain what was
 * typed count as near, since people shorten.
 */
export function nearNames(wanted: string, known: readonly string[]): string[] {
  const most = Math.max(2, Math.floor(wanted.length / 3));
  return known
    .map((name) => ({ name, far: name.includes(wanted) && wanted.length > 2 ? 1 : distance(wanted, name) }))
    .filter(({ far }) => far <= most)
    .toSorted((a, b) => a.far - b.far || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** `there is none of that name; near: rome, turin` or, where nothing is near, what there is. */
export function noSuchName(wanted: string, known: readonly string[]): string {
  const near = nearNames(wanted, known);
  if (near.length > 0) return `there is none of that name; near: ${near.join(', ')}`;
  if (known.length === 0) return 'there is none at all';
  const shown = known.slice(0, 10).join(', ');
  return `there is none of that name; there are: ${shown}${known.length > 10 ? ', …' : ''}`;
}
