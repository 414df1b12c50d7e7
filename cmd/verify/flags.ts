import { z } from 'zod';
import { REACH_PORT } from '#network/reach';
import { processFlags } from '#pkg/runtime';

const schema = z.object({
  /** Answer others, or try targets and end. */
  mode: z.enum(['serve', 'measure']),
  port: z.coerce.number().int().min(1).max(65_535).default(REACH_PORT),
  /** JSON, a list of targets. */
  targets: z.string().default('[]'),
  /** How long a target is tried that does not answer. */
  patienceMs: z.coerce.number().int().min(0).max(60_000).default(8_000),
});

export type VerifyFlags = z.infer<typeof schema>;

/** Flags of the pods of `tombolo verify`. @throws CodedError `BadFlag` */
export function parseFlags(args: readonly string[]): VerifyFlags {
  return processFlags({ process: 'tombolo verify pod', schema, fromEnv: {} }, args, {});
}
