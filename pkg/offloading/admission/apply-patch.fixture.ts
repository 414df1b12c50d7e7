import type { JsonPatchStep } from './review.ts';

/** For tests: `object` with a JSON patch of `add` steps applied, as the API server does it. */
export function applyPatch<T>(object: T, steps: readonly JsonPatchStep[]): T {
  const copy = structuredClone(object);
  for (const { op, path, value } of steps) {
    if (op !== 'add') throw new Error(`this fixture knows "add" only, not "${op}"`);
    const parts = path.slice(1).split('/');
    const last = parts.pop() ?? '';
    let at: unknown = copy;
    for (const part of parts) at = (at as Record<string, unknown>)[part];
    if (at === undefined || at === null) throw new Error(`nothing stands at the parent of ${path}`);
    if (Array.isArray(at) && last === '-') at.push(structuredClone(value));
    else (at as Record<string, unknown>)[last] = structuredClone(value);
  }
  return copy;
}
