import { parseArgs } from 'node:util';
import type { z } from 'zod'; // types only: whoever makes the schema has loaded it; the command line need not
import { CodedError, messageOf } from './coded-error.ts';

const RULES = { BadFlag: { retryable: false, next: 'correct the flag in the values of the chart and install again' } };

/** Where the values of a process come from. */
export interface ProcessFlagOptions<Schema extends z.ZodObject> {
  /** Name of the process, for the error. */
  readonly process: string;
  /** One field per flag, in camelCase: field `logLevel` is flag `--log-level`. */
  readonly schema: Schema;
  /** Fields that come from the environment instead of a flag, with the variable's name. */
  readonly fromEnv: Readonly<Record<string, string>>;
}

/**
 * Flags and environment of a process, parsed and checked.
 * @throws CodedError `BadFlag` (not retryable), naming the flag and what it must be
 */
export function processFlags<Schema extends z.ZodObject>(
  { process: name, schema, fromEnv }: ProcessFlagOptions<Schema>,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): z.infer<Schema> {
  const flagOf = (field: string) => field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const fields = Object.keys(schema.shape).filter((field) => fromEnv[field] === undefined);
  const options = Object.fromEntries(fields.map((field) => [flagOf(field), { type: 'string' as const }]));
  const refuse = (why: string, cause: unknown) =>
    new CodedError(RULES, 'BadFlag', { attempted: 'read the flags', where: name, why }, { cause });
  let values: Record<string, unknown>;
  try {
    values = parseArgs({ args: [...args], options, strict: true }).values;
  } catch (cause) {
    throw refuse(messageOf(cause), cause);
  }
  const parsed = schema.safeParse({
    ...Object.fromEntries(fields.map((field) => [field, values[flagOf(field)]])),
    ...Object.fromEntries(Object.entries(fromEnv).map(([field, variable]) => [field, env[variable]])),
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = String(issue?.path[0] ?? '');
  const variable = fromEnv[field];
  const what = variable === undefined ? `--${flagOf(field)}` : `environment variable ${variable}`;
  throw refuse(`${what}: ${issue?.message}`, parsed.error);
}
