import { createHash } from 'node:crypto';
import { ANNOTATION, GROUP } from '#pkg/api';
import type { Pod } from '#pkg/kube';
import { isOurs } from '#reflectors/framework';
import type { Container, Volume } from './pod-types.ts';

/**
 * Downward API: what a pod reads about itself must be what it would read at home, although the remote pod has another
 * namespace, UID, node and service account (POD-47, kubernetes-facts 8). Env variables are constants once a container
 * starts, so they become literal values; files follow changes, so they read reserved annotations of the remote pod, which
 * the reflector keeps up to date. `status.podIP`, `status.hostIP` and resource fields stay what they are there (POD-48).
 */
export interface DownwardRewrite {
  container(container: Container): Container;
  volume(volume: Volume): Volume;
  /** Reserved annotations that the rewritten volumes read; complete after every volume went through `volume`. */
  readonly annotations: Record<string, string>;
}

/** @param copied labels and annotations that the remote pod has like the local one */
export function downwardRewrite(
  local: Pod,
  copied: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> },
): DownwardRewrite {
  const annotations: Record<string, string> = {};
  const moved = (fieldPath: string): string => {
    const value = homeValue(local, copied, fieldPath);
    if (value === undefined) return fieldPath;
    const key = reservedAnnotation(fieldPath);
    annotations[key] = value;
    return `metadata.annotations['${key}']`;
  };
  return {
    annotations,
    container: (container) => withLiteralEnv(container, (fieldPath) => homeValue(local, copied, fieldPath)),
    volume: (volume) => withMovedFields(volume, moved),
  };
}

type DownwardItems = NonNullable<NonNullable<Volume['downwardAPI']>['items']>;

function withMovedFields(volume: Volume, moved: (fieldPath: string) => string): Volume {
  const rewrite = (items: DownwardItems): DownwardItems =>
    items.map((item) =>
      item.fieldRef === undefined
        ? item
        : { ...item, fieldRef: { ...item.fieldRef, fieldPath: moved(item.fieldRef.fieldPath) } },
    );
  if (volume.downwardAPI?.items !== undefined) {
    return { ...volume, downwardAPI: { ...volume.downwardAPI, items: rewrite(volume.downwardAPI.items) } };
  }
  if (volume.projected?.sources === undefined) return volume;
  const sources = volume.projected.sources.map((source) =>
    source.downwardAPI?.items === undefined
      ? source
      : { ...source, downwardAPI: { ...source.downwardAPI, items: rewrite(source.downwardAPI.items) } },
  );
  return { ...volume, projected: { ...volume.projected, sources } };
}

function withLiteralEnv(container: Container, value: (fieldPath: string) => string | undefined): Container {
  if (container.env === undefined) return container;
  const env = container.env.map((variable) => {
    const fieldPath = variable.valueFrom?.fieldRef?.fieldPath;
    const literal = fieldPath === undefined ? undefined : value(fieldPath);
    // The kubelet expands $(NAME) in literal values, and takes $$ for one $.
    return literal === undefined ? variable : { name: variable.name, value: literal.replaceAll('$', () => '$$') };
  });
  return { ...container, env };
}

/** What `fieldPath` reads at home, or undefined where the remote pod reads the same by itself. */
function homeValue(
  local: Pod,
  copied: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> },
  fieldPath: string,
): string | undefined {
  const { metadata, spec } = local;
  switch (fieldPath) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'metadata.labels':
      return formatMap(withoutOurs(metadata.labels));
    case 'metadata.annotations':
      return formatMap(withoutOurs(metadata.annotations));
    default:
      return uncopiedEntry(metadata, copied, fieldPath);
  }
}

/** `metadata.labels['key']` where the key is one that does not travel; of ours the pod sees none (POD-47). */
function uncopiedEntry(
  home: { labels?: Record<string, string>; annotations?: Record<string, string> },
  copied: { readonly labels: Record<string, string>; readonly annotations: Record<string, string> },
  fieldPath: string,
): string | undefined {
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(fieldPath) ?? [];
  if (key === undefined || (map !== 'labels' && map !== 'annotations')) return undefined;
  if (isOurs(key)) return '';
  const value = home[map]?.[key];
  return value !== undefined && copied[map][key] !== value ? value : undefined;
}

const RESERVED: Readonly<Record<string, string>> = {
  'metadata.name': ANNOTATION.homeName,
  'metadata.namespace': ANNOTATION.homeNamespace,
  'metadata.uid': `${GROUP}/home-uid`,
  'metadata.labels': `${GROUP}/home-labels`,
  'metadata.annotations': `${GROUP}/home-annotations`,
};

/** Name part of an annotation is at most 63 characters, so other paths go by a hash. */
function reservedAnnotation(fieldPath: string): string {
  return RESERVED[fieldPath] ?? `${GROUP}/home-${createHash('sha256').update(fieldPath).digest('hex').slice(0, 16)}`;
}

function withoutOurs(map: Record<string, string> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !isOurs(key)));
}

/** A whole map as the kubelet writes it to a file: `key="value"` lines in order of the keys (pkg/fieldpath). */
export function formatMap(map: Record<string, string>): string {
  const lines = Object.entries(map).map(([key, value]) => `${key}=${quote(value)}`);
  return lines.toSorted((a, b) => (a < b ? -1 : 1)).join('\n');
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** Go's strconv.Quote: printable runes stay (letters, marks, numbers, punctuation, symbols, the ASCII space). */
export function quote(text: string): string {
  const runes = Array.from(text, (rune) => {
    const short = SHORT_ESCAPES[rune];
    if (short !== undefined) return short;
    if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(rune)) return rune;
    const code = rune.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${runes.join('')}"`;
}
