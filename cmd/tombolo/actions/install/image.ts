import { CliError } from '../../errors.ts';

/** Values `image.*` of the chart. */
export interface ImageValues {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/**
 * Splits `registry:5000/name:tag@sha256:…`. A colon before the last slash belongs to the registry's port.
 * @throws CliError `BadFlag`
 */
export function parseImage(reference: string): ImageValues {
  const found =
    /^(?<repository>[a-z0-9](?:[^\s@]*?[^\s@:/])?)(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/.exec(
      reference,
    )?.groups;
  if (found === undefined) {
    const why = 'it is not an image reference such as registry.example/tombolo:1.2.3';
    throw new CliError('BadFlag', { attempted: 'read the flags', where: `--image ${reference}`, why });
  }
  return { repository: found['repository'] ?? '', tag: found['tag'] ?? '', digest: found['digest'] ?? '' };
}
