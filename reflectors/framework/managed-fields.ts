import { LABEL } from '#pkg/api';
import type { ManagedFieldsEntry } from '#pkg/kube';

/**
 * Managed fields in which what our POST set belongs to our applies, or undefined where that is so already.
 *
 * Server-side apply removes a field that the body leaves out only if no other manager has it, and a POST counts as another
 * one, even under the same name: a key deleted at home would stay in the twin for ever. Our POST is the entry that owns
 * our label. Same way as client-go's `csaupgrade` (KEP-555).
 */
export function adoptCreatedFields(
  entries: readonly ManagedFieldsEntry[],
  fieldManager: string,
): ManagedFieldsEntry[] | undefined {
  const created = entries.find(
    (entry) => entry.operation === 'Update' && entry.subresource === undefined && ownsOriginLabel(entry.fieldsV1),
  );
  if (created === undefined) return undefined;
  const applied = entries.find((entry) => entry.operation === 'Apply' && entry.manager === fieldManager);
  const adopted: ManagedFieldsEntry = {
    ...created,
    manager: fieldManager,
    operation: 'Apply',
    fieldsV1: union(created.fieldsV1 ?? {}, applied?.fieldsV1 ?? {}),
  };
  return [...entries.filter((entry) => entry !== created && entry !== applied), adopted];
}

function ownsOriginLabel(fields: object | undefined): boolean {
  const labels = child(child(fields, 'f:metadata'), 'f:labels');
  return child(labels, `f:${LABEL.origin}`) !== undefined;
}

function child(fields: object | undefined, key: string): object | undefined {
  const value: unknown = fields === undefined ? undefined : Object.entries(fields).find(([name]) => name === key)?.[1];
  return typeof value === 'object' && value !== null ? value : undefined;
}

/** FieldsV1 is a trie of field names, so a union is a deep merge. */
function union(a: object, b: object): object {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...keys].map((key) => [key, union(child(a, key) ?? {}, child(b, key) ?? {})]));
}
