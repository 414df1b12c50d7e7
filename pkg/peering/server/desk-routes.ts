import type { Request } from 'express';
import type { RequestDesk } from '../approval/request-desk.ts';
import { PeeringError } from '../errors.ts';
import type { Fingerprint } from '../identity/fingerprint.ts';
import { requestForApproval } from '../wire.ts';
import { fingerprintOfSocket } from './client-identity.ts';
import { parseBody } from './parse-body.ts';
import type { TryLimiter } from './try-limiter.ts';

interface DeskRoutes {
  readonly desk: RequestDesk;
  /** Takes a try for every call that costs a request to the API server. */
  readonly requestTries: TryLimiter;
  readonly options: { readonly clusterName: string };
}

/** A cluster asks to be let in, or how its request stands. */
export async function askAtDesk(deps: DeskRoutes, request: Request, signal: AbortSignal): Promise<object> {
  const facts = { attempted: 'ask for approval', where: deps.options.clusterName };
  const asking = keyOf(request, facts);
  if (!deps.desk.isKnown(asking)) takeTry(deps, request, facts);
  const body = parseBody(requestForApproval, request.body as unknown, facts);
  // A connection for each call: clusters that wait must not hold those that peers need (PEER-11).
  request.res?.setHeader('connection', 'close');
  return await deps.desk.ask(body, asking, signal);
}

/** A cluster takes its request back. */
export async function withdrawAtDesk(deps: DeskRoutes, request: Request, signal: AbortSignal): Promise<object> {
  const facts = { attempted: 'withdraw the request', where: deps.options.clusterName };
  const asking = keyOf(request, facts);
  if (!deps.desk.isKnown(asking)) takeTry(deps, request, facts);
  return await deps.desk.withdraw(asking, signal);
}

interface Facts {
  readonly attempted: string;
  readonly where: string;
}

function keyOf(request: Request, facts: Facts): Fingerprint {
  const asking = fingerprintOfSocket(request.socket);
  if (asking !== undefined) return asking;
  throw new PeeringError('NotPeered', { ...facts, why: 'the connection shows no key' });
}

function takeTry({ requestTries }: DeskRoutes, request: Request, facts: Facts): void {
  const waitSeconds = requestTries.take(request.socket.remoteAddress ?? '');
  if (waitSeconds === 0) return;
  throw new PeeringError('TooManyTries', { ...facts, why: `too many requests from there; next in ${waitSeconds} s` });
}
