import type { Bed } from './bed.ts';
import type { UpContext } from './bed-up.ts';

export interface InstallContext extends UpContext {
  /** Folder of the sources. */
  readonly checkout: string;
}

export async function installTombolo(_bed: Bed, _context: InstallContext): Promise<void> {
  throw new Error('not yet');
}
