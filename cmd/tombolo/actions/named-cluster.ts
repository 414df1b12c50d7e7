import { shortFingerprint } from '#pkg/peering';
import { CliError } from '../errors.ts';

/** Something that a person may name by what a cluster calls itself, or by its fingerprint. */
interface Named {
  readonly clusterName: string;
  readonly fingerprint: string;
}

/** The short fingerprint, the whole one, or one with dashes; fewer digits than people compare are no fingerprint. */
export function isFingerprintOf(text: string, fingerprint: string): boolean {
  const digits = text.toLowerCase().replaceAll('-', '');
  return /^[0-9a-f]{16,64}$/.test(digits) && fingerprint.startsWith(digits);
}

/** Whether `text` means that cluster. */
export function means(text: string, { clusterName, fingerprint }: Named): boolean {
  return text === clusterName || isFingerprintOf(text, fingerprint);
}

/** Several clusters call themselves so: which one, only a fingerprint tells. */
export function ambiguous(text: string, attempted: string, found: readonly Named[]): CliError {
  const keys = found.map(({ fingerprint }) => shortFingerprint(fingerprint)).join(', ');
  const why = `${found.length} clusters call themselves so, with the keys ${keys}`;
  return new CliError('AmbiguousName', { attempted, where: `cluster "${text}"`, why });
}
