/** MicroTime as API servers want it: exactly six fractional digits, or the whole write is refused (kubernetes#141204). */
export function microTime(date: Date): string {
  return `${date.toISOString().slice(0, -1)}000Z`;
}

/** metav1.Time: whole seconds. */
export function secondTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
