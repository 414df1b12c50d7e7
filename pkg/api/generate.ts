import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crdFiles } from './crd-files.ts';

/** Where Helm looks for CRDs. */
const FOLDER = join(import.meta.dirname, '../../charts/tombolo/crds');

/** Writes the CRDs into the chart and removes those of kinds that are gone. */
async function generate(): Promise<void> {
  const files = crdFiles();
  await mkdir(FOLDER, { recursive: true });
  for (const name of await readdir(FOLDER)) if (!files.has(name)) await rm(join(FOLDER, name));
  for (const [name, text] of files) await writeFile(join(FOLDER, name), text);
  process.stdout.write(`${files.size} CRDs in charts/tombolo/crds\n`);
}

if (import.meta.main) await generate();
