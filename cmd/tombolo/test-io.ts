import type { Io } from './io.ts';

/** An outside for tests: what was written, and what somebody answers. */
export interface TestIo extends Io {
  readonly written: { stdout: string; stderr: string };
  interrupt(): void;
}

export function testIo(options: { env?: NodeJS.ProcessEnv; answer?: boolean } = {}): TestIo {
  const written = { stdout: '', stderr: '' };
  const controller = new AbortController();
  return {
    written,
    env: options.env ?? {},
    stdout: { write: (text) => void (written.stdout += text) },
    stderr: { write: (text) => void (written.stderr += text) },
    isInteractive: options.answer !== undefined,
    ask: async () => options.answer ?? false,
    interrupted: controller.signal,
    interrupt: () => controller.abort(),
  };
}
