import type { runCommand } from '#pkg/runtime';

/** How programs are started. Another one than `runCommand` reaches into another network namespace. */
export type Run = typeof runCommand;
