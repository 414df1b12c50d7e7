import type { ServerResponse } from 'node:http';

/** An answer other than success: what the caller of the kubelet endpoint is told. Text, as a real kubelet's. */
export class HttpProblem extends Error {
  readonly status: number;

  /** @param message one sentence; the API server hands it on to kubectl */
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HttpProblem';
    this.status = status;
  }
}

/** Answers with `error`; what is no HttpProblem becomes a 500 with its message. Never throws. */
export function answerProblem(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy(); // half an answer went out: only a broken connection says that the rest is missing
    return;
  }
  const status = error instanceof HttpProblem ? error.status : 500;
  const message = error instanceof Error ? error.message : String(error);
  const body = Buffer.from(`${message}\n`);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  });
  response.end(body);
}
