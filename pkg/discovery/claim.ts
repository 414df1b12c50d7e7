/** What a TXT record claims of a cluster. Nothing of it is proven: only a TLS key is. */
export interface Claim {
  readonly clusterName: string;
  /** SHA-256 of the identity key, 64 lower-case hex digits. */
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** SRV targets that belong to this cluster, lower case without a final dot; empty: all of the name. */
  readonly hosts: readonly string[];
}

/** A claim of ours needs some 150 bytes and 30 per label; a TXT record may have 64 KiB. */
const MAX_BYTES = 2_048;
const MAX_STRINGS = 64;
/** As many as a DiscoveredCluster holds. */
const MAX_LABELS = 16;
const MAX_HOSTS = 16;

const NAME = /^[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?$/;
const FINGERPRINT = /^[0-9a-f]{64}$/;
/** As Kubernetes has them, but shorter: prefix and name together have at most 63 characters. */
const LABEL_KEY = /^(?=.{1,63}$)([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const HOST = /^(?=.{1,253}$)[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*$/;

const LABEL_PREFIX = 'label.';

/**
 * Reads the strings of one TXT record (RFC 6763 section 6): `name=rome`, `id=<fingerprint>`, any number of `label.KEY=VALUE`
 * and `host=SRV-TARGET`. Of a key that stands twice the first counts; unknown keys are left alone; a label that Kubernetes
 * would refuse is left out.
 * @returns the claim, or the sentence why there is none. Never throws, whatever the bytes.
 */
export function readClaim(strings: readonly Uint8Array[]): Claim | { readonly why: string } {
  const size = strings.reduce((sum, string) => sum + string.length, 0);
  if (size > MAX_BYTES) return { why: `its TXT record has ${size} bytes, more than ${MAX_BYTES}` };
  if (strings.length > MAX_STRINGS)
    return { why: `its TXT record has ${strings.length} strings, more than ${MAX_STRINGS}` };
  const values = new Map<string, string>();
  const hosts: string[] = [];
  for (const string of strings) {
    const text = utf8(string);
    if (text === undefined) return { why: 'its TXT record is not UTF-8' };
    const at = text.indexOf('=');
    if (at <= 0) continue; // RFC 6763 section 6.4: a key without a value, or nothing at all
    const [key, value] = [text.slice(0, at), text.slice(at + 1)];
    if (key === 'host') hosts.push(value.toLowerCase().replace(/\.$/, ''));
    else if (!values.has(key)) values.set(key, value);
  }
  const clusterName = values.get('name');
  if (clusterName === undefined) return { why: 'its TXT record has no name=' };
  if (!NAME.test(clusterName)) return { why: 'the name in its TXT record is no DNS label of at most 48 characters' };
  const fingerprint = values.get('id');
  if (fingerprint === undefined) return { why: 'its TXT record has no id=' };
  if (!FINGERPRINT.test(fingerprint))
    return { why: 'the id in its TXT record is no fingerprint (64 lower-case hex digits)' };
  if (hosts.length > MAX_HOSTS) return { why: `its TXT record names ${hosts.length} hosts, more than ${MAX_HOSTS}` };
  if (!hosts.every((host) => HOST.test(host))) return { why: 'a host in its TXT record is no host name' };
  return { clusterName, fingerprint, labels: labelsOf(values), hosts };
}

function labelsOf(values: ReadonlyMap<string, string>): Record<string, string> {
  const labels = [...values]
    .filter(([key]) => key.startsWith(LABEL_PREFIX))
    .map(([key, value]) => [key.slice(LABEL_PREFIX.length), value] as const)
    .filter(([key, value]) => LABEL_KEY.test(key) && LABEL_VALUE.test(value))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(labels.slice(0, MAX_LABELS));
}

/** The strings of the TXT record that makes this claim; `readClaim` gives it back. Each has less than 192 bytes. */
export function writeClaim({ clusterName, fingerprint, labels }: Omit<Claim, 'hosts'>): string[] {
  return [
    `name=${clusterName}`,
    `id=${fingerprint}`,
    ...Object.entries(labels).map(([key, value]) => `${LABEL_PREFIX}${key}=${value}`),
  ];
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // the caller says so
  }
}
