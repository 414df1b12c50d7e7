import { CliError } from './errors.ts';
import type { Io } from './io.ts';
import type { Progress } from './output/progress.ts';

export interface Confirmation {
  readonly question: string;
  /** What will go, one line each; shown also where nobody is asked. */
  readonly consequences: readonly string[];
  readonly isYes: boolean;
  readonly io: Io;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Shows on stderr what will go, then asks (CLI-12).
 * @throws CliError `ConfirmationNeeded` where nobody can be asked, `Declined` where the answer is no
 */
export async function confirm(confirmation: Confirmation): Promise<void> {
  const { question, consequences, isYes, io, progress, signal } = confirmation;
  progress.end();
  for (const line of consequences) progress.note(`  - ${line}`);
  if (isYes) return;
  const facts = { attempted: `ask "${question}"`, where: 'standard input' };
  if (!io.isInteractive) {
    throw new CliError('ConfirmationNeeded', { ...facts, why: 'it is no terminal' });
  }
  if (await io.ask(question, signal)) return;
  signal.throwIfAborted();
  throw new CliError('Declined', { ...facts, why: 'the answer was no' });
}
