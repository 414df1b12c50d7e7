import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('one undici serves us and client-node: a second copy would refuse our Agents', async () => {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, object> };
  const copies = Object.keys(lock.packages).filter((path) => path.endsWith('node_modules/undici'));
  expect(copies).toEqual(['node_modules/undici']);
});
