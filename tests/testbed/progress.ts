/** A step that takes longer says every so often that it is still at work. */
const HEARTBEAT_MS = 15_000;

/** Tells a person what happens and how long it took. */
export interface Progress {
  /**
   * Runs one step and prints its name with the time it took. A step that is quick and changes nothing should not be
   * one: each is a line on the screen.
   */
  step<T>(name: string, run: (note: (detail: string) => void) => Promise<T>): Promise<T>;
  say(text: string): void;
}

/** Lines such as ` 12.3 s  milan: API server answers (3.1 s)`; the first number counts from now. */
export function progress(write: (line: string) => void): Progress {
  const start = performance.now();
  const say = (text: string): void => write(`${seconds(performance.now() - start).padStart(8)}  ${text}\n`);
  return {
    say,
    async step(name, run) {
      const began = performance.now();
      let detail = '';
      const heartbeat = setInterval(() => {
        say(`${name} … ${seconds(performance.now() - began)}${detail === '' ? '' : `, ${detail}`}`);
      }, HEARTBEAT_MS);
      try {
        const result = await run((text) => {
          detail = text;
        });
        say(`${name} (${seconds(performance.now() - began)})`);
        return result;
      } finally {
        clearInterval(heartbeat);
      }
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
