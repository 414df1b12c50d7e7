/** One entry of a tar archive; exactly one of `content`, `link` and `directory` says what it is. */
export interface TarEntry {
  /** Without a leading slash, at most 100 bytes. */
  readonly path: string;
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Target of a symbolic link, at most 100 bytes. */
  readonly link?: string;
  readonly directory?: true;
}

const BLOCK = 512;

/**
 * A tar archive in ustar format. All owners are 0 and all times the epoch, so that the same entries give the same
 * bytes, and with them the same image digest.
 */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks: Uint8Array[] = [];
  for (const entry of entries) {
    const size = entry.content?.byteLength ?? 0;
    blocks.push(header(entry, size));
    if (entry.content !== undefined) blocks.push(entry.content, Buffer.alloc(padding(size)));
  }
  blocks.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(blocks);
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const text = (value: string, offset: number, length: number): void => {
    if (Buffer.byteLength(value) > length)
      throw new Error(`write a tar archive: ${value}: longer than ${length} bytes`);
    block.write(value, offset);
  };
  const octal = (value: number, offset: number, length: number): void =>
    text(value.toString(8).padStart(length - 1, '0'), offset, length);
  text(entry.directory === true ? `${entry.path}/` : entry.path, 0, 100);
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  // The checksum is taken over the header with spaces in its own place.
  block.fill(' ', 148, 156);
  text(entry.directory === true ? '5' : entry.link === undefined ? '0' : '2', 156, 1);
  text(entry.link ?? '', 157, 100);
  text('ustar\u000000', 257, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 8);
  return block;
}
