import type { Reporter, TestCase, TestModule } from 'vitest/node';

/**
 * One line for each test file that took a second or failed, and one for each test that failed: what a run of several processes
 * shows while it goes on. The whole report follows when their results are put together.
 */
export default class FileProgress implements Reporter {
  onTestModuleEnd(module: TestModule): void {
    const tests = [...module.children.allTests()];
    const failed = tests.filter((test) => test.result().state === 'failed');
    const again = tests.filter((test) => (test.diagnostic()?.retryCount ?? 0) > 0);
    const { duration } = module.diagnostic();
    if (duration < 1_000 && module.state() === 'passed') return;
    const seconds = (duration / 1000).toFixed(1).padStart(7);
    const counts = [`${tests.length} tests`];
    if (failed.length > 0 || module.state() === 'failed') counts.push(`${failed.length} failed`);
    if (again.length > 0) counts.push(`${again.length} tried again`);
    process.stdout.write(`${seconds} s  ${module.project.name}: ${module.relativeModuleId} (${counts.join(', ')})\n`);
    for (const test of failed) process.stdout.write(`           failed: ${test.fullName}: ${reason(test)}\n`);
    for (const error of module.errors()) process.stdout.write(`           failed: ${error.message}\n`);
  }
}

function reason(test: TestCase): string {
  const [first] = test.result().errors ?? [];
  return first?.message.split('\n')[0] ?? 'no message';
}
