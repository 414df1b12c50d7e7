import type { Reporter, TestModule } from 'vitest/node';

/** Lines about tests that could not run at all, and files for which a slow machine left no time; told by `npm test`. */
const MISSING = lines('TOMBOLO_MISSING_TESTS');
const LEFT_OUT = lines('TOMBOLO_LEFT_OUT_TESTS');

function lines(variable: string): string[] {
  return (process.env[variable] ?? '').split('\n').filter((line) => line !== '');
}

/**
 * Prints the closing line `N passed, N failed` that continuous integration reads. A file that cannot be imported counts as failed,
 * and so does what kept tests from running.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length + MISSING.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) count[test.result().state]++;
      if (tests.length === 0 && module.state() === 'failed') count.failed++;
    }
    const skipped = count.skipped + count.pending;
    for (const file of LEFT_OUT) process.stdout.write(`\nnot run, the machine is too slow: ${file}`);
    for (const line of MISSING) process.stdout.write(`\nfailed: ${line}`);
    process.stdout.write(
      `\n${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
    );
  }
}
