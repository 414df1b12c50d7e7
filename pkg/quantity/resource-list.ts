import { type Format, formatQuantity, parseQuantity, type Quantity, ZERO } from './quantity.ts';

/** Amounts by resource name as objects hold them: `{ cpu: '500m', memory: '1Gi' }`. */
export type ResourceTexts = Readonly<Record<string, string | number>>;

/** Amounts by resource name, exact. A name that is absent counts as zero where amounts are added. */
export type Amounts = ReadonlyMap<string, Quantity>;

/** @throws QuantityError where one of the texts is no quantity, naming the resource */
export function parseAmounts(texts: ResourceTexts | undefined): Map<string, Quantity> {
  return new Map(Object.entries(texts ?? {}).map(([name, text]) => [name, parseQuantity(text, name)]));
}

/** Resources that people write in powers of two; also as a ResourceQuota names them (`requests.memory`). */
const BINARY_RESOURCE = /^((requests|limits)\.)?(memory|storage|ephemeral-storage|hugepages-.+)$/;

function formatOf(name: string): Format {
  return BINARY_RESOURCE.test(name) ? 'binary' : 'decimal';
}

export function formatAmount(name: string, amount: Quantity): string {
  return formatQuantity(amount, formatOf(name));
}

/** Canonical texts, names in alphabetical order, so that equal amounts give equal objects. */
export function formatAmounts(amounts: Amounts): Record<string, string> {
  return Object.fromEntries(
    [...amounts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, amount]) => [name, formatAmount(name, amount)]),
  );
}

function combine(a: Amounts, b: Amounts, operation: (x: bigint, y: bigint) => bigint): Map<string, Quantity> {
  const names = new Set([...a.keys(), ...b.keys()]);
  return new Map([...names].map((name) => [name, operation(a.get(name) ?? ZERO, b.get(name) ?? ZERO) as Quantity]));
}

export function addAmounts(a: Amounts, b: Amounts): Map<string, Quantity> {
  return combine(a, b, (x, y) => x + y);
}

export function subtractAmounts(a: Amounts, b: Amounts): Map<string, Quantity> {
  return combine(a, b, (x, y) => x - y);
}

/** The greater of both, name by name. */
export function maxAmounts(a: Amounts, b: Amounts): Map<string, Quantity> {
  return combine(a, b, (x, y) => (x > y ? x : y));
}

/** The smaller of both for every name that `a` has; a name that `b` lacks is not limited by it. */
export function limitAmounts(a: Amounts, b: Amounts): Map<string, Quantity> {
  return new Map(
    [...a].map(([name, amount]) => [name, (b.get(name) ?? amount) < amount ? (b.get(name) as Quantity) : amount]),
  );
}

export interface Shortage {
  readonly resource: string;
  readonly asked: Quantity;
  readonly free: Quantity;
}

/** Resources of which `asked` is more than `free`, in the order of `asked`; empty where it fits. A name that `free` lacks has none. */
export function shortages(asked: Amounts, free: Amounts): Shortage[] {
  return [...asked]
    .filter(([name, amount]) => amount > 0n && amount > (free.get(name) ?? ZERO))
    .map(([resource, amount]) => ({ resource, asked: amount, free: free.get(resource) ?? ZERO }));
}
