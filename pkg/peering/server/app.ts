import type { Express, NextFunction, Request, Response } from 'express';
import type { Peer } from '#pkg/api';
import { isCodedError } from '#pkg/runtime';
import { isPeeringError, type PeeringCode, PeeringError } from '../errors.ts';
import { issueCredentials } from '../provider/credentials.ts';
import type { ProviderDeps } from '../provider/options.ts';
import { redeem } from '../provider/redeem.ts';
import { releaseConsumer } from '../provider/release.ts';
import { mayUse, wants } from '../peer-view.ts';
import { type InfoAnswer, MAX_BODY_BYTES, PATHS, redeemRequest } from '../wire.ts';
import type { RequestDesk } from '../approval/request-desk.ts';
import { type Doorkeeper, fingerprintOfSocket } from './client-identity.ts';
import { askAtDesk, withdrawAtDesk } from './desk-routes.ts';
import { parseBody } from './parse-body.ts';
import type { TryLimiter } from './try-limiter.ts';

export interface PeeringAppDeps extends ProviderDeps {
  readonly door: Doorkeeper;
  readonly redeemTries: TryLimiter;
  readonly desk: RequestDesk;
  readonly requestTries: TryLimiter;
  /** Told each time that a peer has shown its key. */
  readonly onContact: (peer: Peer) => void;
}

/** Less than the caller's patience: it should hear why rather than run into its own time-out. */
const HANDLER_TIMEOUT_MS = 7_000;

/**
 * The peering API (JSON over HTTP). Only redeem and request answer a key that no Peer has (PEER-36). Holds no state; any replica
 * may answer any request.
 */
export async function peeringApp(deps: PeeringAppDeps): Promise<Express> {
  const { default: express } = await import('express'); // 55 ms that command lines need not pay
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  const json = express.json({ limit: MAX_BODY_BYTES, strict: true, inflate: false });

  const route =
    (handle: (request: Request, signal: AbortSignal) => Promise<object>) =>
    async (request: Request, response: Response) => {
      const gone = new AbortController();
      response.once('close', () => gone.abort(new Error('the caller hung up')));
      const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(HANDLER_TIMEOUT_MS)]);
      response.json(await handle(request, signal));
    };
  const known = (handle: (peer: Peer, signal: AbortSignal) => Promise<object>) =>
    route(async (request, signal) => {
      const peer = await deps.door.peerOf(request.socket, signal);
      deps.onContact(peer);
      return handle(peer, signal);
    });

  app.post(
    PATHS.redeem,
    json,
    route((request, signal) => answerRedeem(deps, request, signal)),
  );
  app.post(
    PATHS.request,
    json,
    route((request, signal) => askAtDesk(deps, request, signal)),
  );
  app.delete(
    PATHS.request,
    route((request, signal) => withdrawAtDesk(deps, request, signal)),
  );
  // The key decides before a byte of the body is read: these routes need none.
  app.get(
    PATHS.info,
    known((peer, signal) => info(deps, peer, signal)),
  );
  app.post(
    PATHS.credentials,
    known((peer, signal) => issueCredentials(deps, peer, signal)),
  );
  app.post(
    PATHS.unpeer,
    known((peer, signal) => releaseConsumer(deps.client, peer, signal)),
  );
  app.use(
    known(() =>
      Promise.reject(
        new PeeringError('UnexpectedAnswer', { attempted: 'answer', where: 'peering API', why: 'no such path' }),
      ),
    ),
  );
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) =>
    answerError(deps, error, request, response),
  );
  return app;
}

async function answerRedeem(deps: PeeringAppDeps, request: Request, signal: AbortSignal): Promise<object> {
  const facts = { attempted: 'redeem the invite', where: deps.options.clusterName };
  const fingerprint = fingerprintOfSocket(request.socket);
  if (fingerprint === undefined) throw new PeeringError('NotPeered', { ...facts, why: 'the connection shows no key' });
  const source = request.socket.remoteAddress ?? '';
  const waitSeconds = deps.redeemTries.take(source);
  if (waitSeconds > 0)
    throw new PeeringError('TooManyTries', { ...facts, why: `too many tries from there; next in ${waitSeconds} s` });
  const body = parseBody(redeemRequest, request.body as unknown, facts);
  const answer = await redeem(deps, body, fingerprint, signal);
  deps.redeemTries.refund(source);
  return answer;
}

async function info(deps: PeeringAppDeps, peer: Peer, signal: AbortSignal): Promise<InfoAnswer> {
  const version = await deps.client.version({ signal });
  return {
    fingerprint: deps.identity.fingerprint,
    clusterName: deps.options.clusterName,
    version: deps.options.version,
    kubernetesVersion: version.gitVersion,
    lends: mayUse(peer),
    ending: mayUse(peer) && !wants(peer, 'Provide'),
  };
}

const STATUS: Partial<Record<PeeringCode, number>> = {
  NotPeered: 401,
  InviteUnknown: 403,
  NotLent: 403,
  InviteUsed: 409,
  OwnCluster: 409,
  NameTaken: 409,
  NamespaceTaken: 409,
  InviteExpired: 410,
  InvalidPeerName: 400,
  UnexpectedAnswer: 400,
  TooManyRequests: 429,
  TooManyTries: 429,
};

/** Peers get our own words only: what an API server of ours says is for our log. */
function answerError(deps: PeeringAppDeps, error: unknown, request: Request, response: Response): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  // Whoever was refused has no more to say on this connection; unread bodies would keep it busy.
  response.setHeader('connection', 'close');
  if (isPeeringError(error)) {
    response.status(STATUS[error.code] ?? 503).json({ error: { code: error.code, why: error.why } });
    return;
  }
  const status = bodyErrorStatus(error);
  if (status !== undefined) {
    const why = status === 413 ? `the body is larger than ${MAX_BODY_BYTES} bytes` : 'the body cannot be read';
    response.status(status).json({ error: { code: 'UnexpectedAnswer', why } });
    return;
  }
  const where = `${request.method} ${request.path}`;
  deps.log.error({ where, error: isCodedError(error) ? error.message : error }, 'a request of the peering API failed');
  response.status(503).json({ error: { code: 'PeerBusy', why: 'it failed there; see the log of its controller' } });
}

/** Errors of body-parser carry a status and a type; nothing else of ours does. */
function bodyErrorStatus(error: unknown): number | undefined {
  if (!(error instanceof Error && 'type' in error && 'status' in error)) return undefined;
  return typeof error.status === 'number' && error.status >= 400 && error.status < 500 ? error.status : undefined;
}
