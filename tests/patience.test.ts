import { afterEach, expect, test, vi } from 'vitest';
import { call } from './e2e/bed.ts';
import { patient } from './patience.ts';

afterEach(() => void vi.unstubAllEnvs());

test('patience with a fraction gives limits that child processes take', async () => {
  vi.stubEnv('TOMBOLO_PATIENCE', '3.3');
  expect(patient(120_000)).toBe(396_000);
  expect((await call(process.execPath, ['--version'], { timeoutMs: patient(120_000) })).code).toBe(0);
});

test('patience is never less than on a machine that has room', () => {
  vi.stubEnv('TOMBOLO_PATIENCE', '0.5');
  expect(patient(1_000)).toBe(1_000);
});
