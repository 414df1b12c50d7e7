import { parseQuantity, QuantityError } from '#pkg/quantity';

/**
 * Whether two quantities are the same amount. The API server rewrites them in a Node (`8192Mi` is stored as `8Gi`), so
 * comparing text would write the same status for ever. What cannot be read is compared as text.
 */
export function sameQuantity(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return parseQuantity(a) === parseQuantity(b);
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
}
