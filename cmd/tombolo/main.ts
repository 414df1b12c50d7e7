import { runCli } from './cli.ts';
import { processIo } from './io.ts';

// No top-level await here: a single-file executable needs CommonJS, which has none.
runCli(process.argv.slice(2), processIo()).then(
  // The result is out: open connections and timers must not keep the process.
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(
      `error: cannot go on: tombolo: ${String(error instanceof Error ? error.stack : error)}; report this\n`,
    );
    process.exit(1);
  },
);
