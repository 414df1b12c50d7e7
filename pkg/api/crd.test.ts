import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { crdFiles, KINDS } from './crd-files.ts';
import { assertStructural, crdSchema } from './crd-schema.ts';
import * as api from './index.ts';

const FOLDER = join(import.meta.dirname, '../../charts/tombolo/crds');

describe('committed CRDs', () => {
  test('are what `npm run generate` writes', async () => {
    const committed = new Map<string, string>();
    for (const name of await readdir(FOLDER)) committed.set(name, await readFile(join(FOLDER, name), 'utf8'));
    expect(Object.fromEntries(committed)).toEqual(Object.fromEntries(crdFiles()));
  });

  test('cover every kind of the package', () => {
    const defined = Object.values(api).flatMap((value) =>
      typeof value === 'object' && 'plural' in value ? [value.kind] : [],
    );
    expect(new Set(defined)).toEqual(new Set(KINDS.map((kind) => kind.kind)));
  });

  test('keep status behind its subresource and say what each kind is', () => {
    for (const text of crdFiles().values()) {
      const version = parse(text).spec.versions[0];
      expect(version.subresources).toEqual({ status: {} });
      expect(version.schema.openAPIV3Schema.description).not.toBe('');
    }
  });
});

describe('crdSchema', () => {
  test('writes int-or-string in the one form that is allowed', () => {
    const schema = z.union([z.int(), z.string()]).meta({ 'x-kubernetes-int-or-string': true });
    expect(crdSchema(schema)).toEqual({
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      'x-kubernetes-int-or-string': true,
    });
  });

  test('leaves out bounds and patterns that nobody asked for', () => {
    expect(crdSchema(z.object({ at: z.iso.datetime(), count: z.int().min(1) }))).toEqual({
      type: 'object',
      properties: { at: { type: 'string', format: 'date-time' }, count: { type: 'integer', minimum: 1 } },
      required: ['at', 'count'],
    });
  });

  test('turns a loose object into one that keeps unknown fields', () => {
    expect(crdSchema(z.looseObject({}))).toEqual({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
  });

  test.each([
    ['a union', z.object({ a: z.union([z.string(), z.boolean()]) }), '.a'],
    ['a nullable field', z.object({ a: z.string().nullable() }), '.a'],
    ['anything', z.object({ a: z.unknown() }), '.a'],
  ])('refuses %s and names the path', (_, schema, path) => {
    expect(() => crdSchema(schema)).toThrow(path);
  });

  test('refuses list keys that items may lack', () => {
    const list = { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-map-keys': ['type'] };
    expect(() => assertStructural(list, '.conditions')).toThrow('list key type');
  });
});
