/** Stands in the place of a secret. */
export const REDACTED = '[redacted]';

/**
 * Names of fields that hold secrets, as whole words in any spelling: `token`, `privateKeyPem`, `relay-token`. A `key` alone
 * is the name of an object in our logs, and stays.
 */
const SECRET_NAMES =
  /^(token|secret|password|passphrase|authorization|cookie|credentials?|kubeconfig|data|stringdata)$/;
const SECRET_WORDS = /(token|secret|password|privatekey|presharedkey|keypem|bearer)(pem|text|value)?$/;

/** Values that are secrets wherever they stand, also inside a sentence or a URL. */
const SECRET_VALUES = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, // JSON web tokens: those of service accounts
  /\btombolo\d+\.[\w-]{16,}/g, // invites
  /(?<=\b(bearer|basic) )[\w.~+/=-]{8,}/gi,
  /(?<=:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g, // passwords in URLs
];

/** An object of Kubernetes is about this deep; what is deeper has no place in a log line. */
const MAX_DEPTH = 8;
/** Entries of one object or array. */
const MAX_ENTRIES = 100;

/** `text` without secrets that can be known by their look. */
export function redactText(text: string): string {
  return SECRET_VALUES.reduce((left, pattern) => left.replace(pattern, REDACTED), text);
}

function isSecretName(name: string): boolean {
  const plain = name.replace(/[^a-z]/gi, '').toLowerCase();
  return SECRET_NAMES.test(plain) || SECRET_WORDS.test(plain);
}

/**
 * A copy of `value` that is fit for a log line: secrets replaced by name and by look, errors as plain objects, bounded in
 * depth and width, no cycles. A net below the rule that nobody logs secrets, not a licence.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value;
  if (depth >= MAX_DEPTH) return '[deeper]';
  if (Buffer.isBuffer(value) || ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((entry) => redact(entry, depth + 1));
  const entries = value instanceof Error ? errorEntries(value) : Object.entries(value);
  return Object.fromEntries(
    entries
      .slice(0, MAX_ENTRIES)
      // a switch or a number, as `relay: true` or `tokenCount: 3`, tells nothing
      .map(([name, entry]) => [name, isHeld(entry) && isSecretName(name) ? REDACTED : redact(entry, depth + 1)]),
  );
}

function isHeld(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || (typeof value === 'object' && value !== null);
}

/** The own fields of an error, with those that do not enumerate. */
function errorEntries(error: Error): [string, unknown][] {
  const { name, message, stack, cause } = error;
  return [
    ['name', name],
    ['message', message],
    ['stack', stack],
    ...(cause === undefined ? [] : ([['cause', cause]] as [string, unknown][])),
    ...Object.entries(error).filter(([field]) => field !== 'name'),
  ];
}
