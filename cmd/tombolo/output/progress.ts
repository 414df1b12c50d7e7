/** Steps of a command on stderr. A step is under way until the next one begins. */
export interface Progress {
  /** Begins a step; `words` complete "now: …". The same words again change nothing. */
  step(words: string): void;
  /** A line that stays. */
  note(words: string): void;
  /** The step under way, in words; what a time-out or an interruption names. */
  readonly current: string;
  /** Ends the last step. */
  end(): void;
}

interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

const REDRAW_MS = 500;

/**
 * Plain lines without a terminal; with one, the line under way is redrawn with its elapsed time. No colours anywhere:
 * they would say nothing that the words do not.
 */
export function createProgress(sink: Sink, now: () => number = () => performance.now()): Progress {
  let current = '';
  let startedMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const elapsed = (): string => ` (${((now() - startedMs) / 1000).toFixed(1)} s)`;
  const draw = (): void => void sink.write(`\r\u001b[K${current} …${elapsed()}`);
  const finish = (): void => {
    if (current === '') return;
    clearInterval(timer);
    if (sink.isTTY === true) sink.write(`\r\u001b[K${current}${elapsed()}\n`);
  };
  return {
    get current() {
      return current;
    },
    step(words) {
      if (words === current) return;
      finish();
      current = words;
      startedMs = now();
      if (sink.isTTY !== true) {
        sink.write(`${words}\n`);
        return;
      }
      draw();
      timer = setInterval(draw, REDRAW_MS);
      timer.unref();
    },
    note(words) {
      if (sink.isTTY === true && current !== '') sink.write('\r\u001b[K');
      sink.write(`${words}\n`);
    },
    end() {
      finish();
      current = '';
    },
  };
}
