import type { ServerResponse } from 'node:http';
import express, { type Express, type Request, type Response } from 'express';
import type { Log } from '#pkg/runtime';
import { messageOf } from '#pkg/runtime';
import { type AdmissionHandler, reviewAnswer, reviewSchema } from '../admission/review.ts';

/** An AdmissionReview holds two objects of at most 1.5 MiB each, and JSON of a patch grows (T12). */
const MAX_BODY = '8mb';
/** The API server says how long it waits in the query; longer than that nobody listens. */
const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 30_000;

/** HTTP side of admission: reads the review, asks the handler of that path, writes its answer. */
export function admissionApp(handlers: Readonly<Record<string, AdmissionHandler>>, log: Log): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(express.json({ limit: MAX_BODY, type: () => true }));
  for (const [path, handler] of Object.entries(handlers)) {
    app.post(path, (request, response) => answer(request, response, handler, log.child({ path })));
  }
  return app;
}

async function answer(request: Request, response: Response, handler: AdmissionHandler, log: Log): Promise<void> {
  const review = reviewSchema.safeParse(request.body);
  if (!review.success) {
    response
      .status(400)
      .json({ error: `not an AdmissionReview of admission.k8s.io/v1: ${review.error.issues[0]?.message}` });
    return;
  }
  const admission = review.data.request;
  try {
    const signal = AbortSignal.any([AbortSignal.timeout(timeoutOf(request)), whenClosed(response)]);
    response.json(reviewAnswer(admission.uid, await handler(admission, signal)));
  } catch (error) {
    // Not an answer of ours: `failurePolicy` of the webhook decides, and the text reaches the user.
    log.warn({ namespace: admission.namespace, error: messageOf(error) }, 'admission failed');
    if (!response.headersSent) response.status(500).json({ error: `tombolo: ${messageOf(error)}` });
  }
}

/** `?timeout=5s` as the API server sends it. */
function timeoutOf(request: Request): number {
  const match = /^(\d+)s$/.exec(String(request.query['timeout'] ?? ''));
  return match === null ? DEFAULT_TIMEOUT_MS : Math.min(Number(match[1]) * 1000, MAX_TIMEOUT_MS);
}

function whenClosed(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort(new Error('the API server hung up'));
  });
  return controller.signal;
}
