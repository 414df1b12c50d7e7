import type { z } from 'zod';
import { PeeringError } from '../errors.ts';

/**
 * The body of a request, if it is as `schema` wants it.
 * @throws PeeringError `InvalidPeerName` where the name is at fault, else `UnexpectedAnswer`; names the field, never its content
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown, facts: { attempted: string; where: string }): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path[0];
  if (field === 'clusterName') {
    throw new PeeringError('InvalidPeerName', {
      ...facts,
      why: 'the name of the asking cluster is no DNS label of at most 48 characters',
    });
  }
  throw new PeeringError('UnexpectedAnswer', {
    ...facts,
    why: `the request's field ${JSON.stringify(String(field ?? ''))} is not as expected`,
  });
}
