import { z } from 'zod';

/** A node of an OpenAPI v3 schema as a CRD carries it. */
export type CrdSchema = { [key: string]: unknown };

/**
 * The structural schema of a zod schema: what zod generates, minus what a CRD may not hold.
 * @throws Error naming the path, where the result would be refused by an API server (KEP-1002, "structural schema")
 */
export function crdSchema(schema: z.ZodType): CrdSchema {
  const { $schema: _, ...generated } = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }) as CrdSchema;
  const result = clean(generated);
  assertStructural(result, '');
  return result;
}

/** Bounds that `z.int()` adds by itself: JavaScript's safe integers, nobody's wish. */
const SAFE = Number.MAX_SAFE_INTEGER;

function clean(node: CrdSchema): CrdSchema {
  if (node['x-kubernetes-int-or-string'] === true) return intOrString(node);
  const result: CrdSchema = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === 'maximum' && value === SAFE) continue;
    if (key === 'minimum' && value === -SAFE) continue;
    // The API server checks `format: date-time` itself; zod's pattern beside it has 300 characters and more rules.
    if (key === 'pattern' && node['format'] === 'date-time') continue;
    if (key === 'additionalProperties') Object.assign(result, additional(value as CrdSchema | boolean));
    else if (key === 'properties') Object.assign(result, properties(value as Record<string, CrdSchema>));
    else if (key === 'items') result[key] = clean(value as CrdSchema);
    else result[key] = value;
  }
  return result;
}

/** The only form in which a structural schema may have `anyOf` with types. */
function intOrString(node: CrdSchema): CrdSchema {
  const { anyOf: _, ...rest } = node;
  return { ...rest, anyOf: [{ type: 'integer' }, { type: 'string' }] };
}

/** `{}` comes from `z.looseObject`: fields beyond the schema are kept. A real schema is a map. */
function additional(value: CrdSchema | boolean): CrdSchema {
  if (value === false) return {};
  if (value === true || Object.keys(value).length === 0) return { 'x-kubernetes-preserve-unknown-fields': true };
  return { additionalProperties: clean(value) };
}

function properties(value: Record<string, CrdSchema>): CrdSchema {
  const entries = Object.entries(value).map(([name, schema]) => [name, clean(schema)] as const);
  return entries.length === 0 ? {} : { properties: Object.fromEntries(entries) };
}

const FORBIDDEN = [
  '$ref',
  '$defs',
  'definitions',
  'patternProperties',
  'const',
  'not',
  'oneOf',
  'allOf',
  'id',
  'nullable',
];

/** The rules of a structural schema, as far as zod could break them. Fails here rather than at somebody's `kubectl apply`. */
export function assertStructural(node: CrdSchema, path: string): void {
  const fail = (why: string): never => {
    throw new Error(`schema of ${path === '' ? 'the root' : path} is not structural: ${why}`);
  };
  for (const key of FORBIDDEN) if (key in node) fail(`${key} is not allowed`);
  if (node['x-kubernetes-int-or-string'] === true) {
    if ('type' in node) fail('int-or-string has no type');
    return;
  }
  if ('anyOf' in node) fail('anyOf is only allowed for int-or-string');
  if (typeof node['type'] !== 'string') fail('type is missing');
  if ('properties' in node && 'additionalProperties' in node)
    fail('properties and additionalProperties exclude each other');
  if (node['type'] === 'array' && !('items' in node)) fail('items is missing');
  for (const [name, child] of Object.entries((node['properties'] ?? {}) as Record<string, CrdSchema>)) {
    assertStructural(child, `${path}.${name}`);
  }
  if ('items' in node) assertListKeys(node, fail);
  if ('items' in node) assertStructural(node['items'] as CrdSchema, `${path}[]`);
  if ('additionalProperties' in node) assertStructural(node['additionalProperties'] as CrdSchema, `${path}.*`);
}

/** Keys of a `map` list must be required fields of its items, or server-side apply cannot merge them. */
function assertListKeys(node: CrdSchema, fail: (why: string) => never): void {
  const keys = (node['x-kubernetes-list-map-keys'] ?? []) as string[];
  const required = ((node['items'] as CrdSchema)['required'] ?? []) as string[];
  for (const key of keys) if (!required.includes(key)) fail(`list key ${key} is not required in its items`);
}
