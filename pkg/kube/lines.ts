/** Splits a byte stream on newlines. Bounded: a line that never ends does not fill the memory. */
export interface LineSplitter {
  /**
   * Takes the next chunk and calls `onLine` for each line that it completes, with its text and its size in bytes.
   * Returns false where a line is longer than the limit; the splitter must not be used afterwards.
   */
  push(chunk: Buffer, onLine: (text: string, bytes: number) => void): boolean;
  /** True while the beginning of a line waits for its end. */
  readonly isInsideLine: boolean;
}

const NEWLINE = 0x0a;

/**
 * Works on bytes: newlines are found before anything is decoded, so a character that is cut by a chunk's border needs
 * no care, and a line within one chunk (nearly all are) is never copied.
 */
export function lineSplitter(maxLineBytes: number): LineSplitter {
  let parts: Buffer[] = [];
  let waiting = 0;
  return {
    push(chunk, onLine) {
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, start);
        const length = waiting + (end < 0 ? chunk.length : end) - start;
        if (length > maxLineBytes) return false;
        if (end < 0) break;
        if (waiting === 0) {
          if (end > start) onLine(chunk.toString('utf8', start, end), length);
        } else {
          parts.push(chunk.subarray(start, end));
          const line = Buffer.concat(parts, length).toString('utf8');
          parts = [];
          waiting = 0;
          onLine(line, length);
        }
        start = end + 1;
      }
      if (start < chunk.length) {
        parts.push(chunk.subarray(start));
        waiting += chunk.length - start;
      }
      return true;
    },
    get isInsideLine() {
      return waiting > 0;
    },
  };
}
