import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, runCommand } from '#pkg/runtime';

const ROOT = join(import.meta.dirname, '../..');
const CHART = join(ROOT, 'charts/tombolo');

/** Helm of the test bed; `undefined` where no test bed was ever up. */
export const HELM = [
  process.env['TOMBOLO_HELM'],
  process.env['TOMBOLO_TESTBED'] && join(process.env['TOMBOLO_TESTBED'], 'bin/helm'),
  join(ROOT, '.testbed/bin/helm'),
].find((path) => path !== undefined && path !== '' && existsSync(path));

const RENDER = ['template', 'tombolo', CHART, '--namespace=tombolo-system', '--kube-version=v1.35.0'];

/** The chart rendered with `values` (`key=value`). @throws CommandError with what Helm said */
export async function render(...values: string[]): Promise<string> {
  const flags = values.map((value) => `--set-json=${value}`);
  return (await runCommand(HELM ?? 'helm', [...RENDER, ...flags])).stdout;
}

export async function lint(...values: string[]): Promise<string> {
  const flags = ['--strict', '--namespace=tombolo-system', ...values.map((value) => `--set-json=${value}`)];
  return (await runCommand(HELM ?? 'helm', ['lint', CHART, ...flags])).stdout;
}

/** What Helm says when it refuses. Fails where it does not. */
export async function refusal(attempt: Promise<string>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof CommandError) return error.stderr;
  throw error ?? new Error('Helm accepted it');
}
