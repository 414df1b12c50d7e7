import { CodedError, type ErrorFacts, type ErrorRule } from '#pkg/runtime';

/**
 * What can go wrong between us and an API server. "Retryable" means that the same call may succeed later without
 * anybody changing its content: a missing right or namespace may appear, an invalid object stays invalid.
 */
export const KUBE_ERROR_RULES = {
  NotFound: { retryable: true, next: 'check the name and the namespace' },
  AlreadyExists: { retryable: true, next: 'read the existing object and decide whether it is ours' },
  Conflict: { retryable: true, next: 'read the object again and repeat the change' },
  Gone: { retryable: true, next: 'list again from the start' },
  Forbidden: { retryable: true, next: 'give this account the right, or check admission and quota there' },
  Unauthorized: { retryable: true, next: 'renew the credentials of this cluster' },
  Invalid: { retryable: false, next: 'correct the object' },
  BadRequest: { retryable: false, next: 'correct the request, or check that the server knows this API' },
  TooManyRequests: { retryable: true, next: 'wait as long as the server asks' },
  ServerFailed: { retryable: true, next: 'look into the log of the API server' },
  Unreachable: { retryable: true, next: 'check that this address and port answer from here' },
  CertificateRejected: {
    retryable: true,
    next: 'check the certificate authority and the server name in the kubeconfig',
  },
  TooSlow: { retryable: true, next: 'check the link to this cluster' },
  TooLarge: { retryable: true, next: 'raise the limit, or narrow what is read' },
  Malformed: { retryable: true, next: 'check that this address is a Kubernetes API server' },
  WatchListUnsupported: { retryable: true, next: 'lists in pages are used instead' },
  BadKubeconfig: { retryable: false, next: 'correct the kubeconfig' },
  CredentialsUnavailable: {
    retryable: true,
    next: 'check the token file, or run the credential plugin of the kubeconfig by hand',
  },
} as const satisfies Record<string, ErrorRule>;

export type KubeErrorCode = keyof typeof KUBE_ERROR_RULES;

/** metav1.Status as the API server answers a failed request. */
export interface Status {
  kind?: string;
  status?: string;
  code?: number;
  reason?: string;
  message?: string;
  details?: StatusDetails;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  retryAfterSeconds?: number;
  causes?: { reason?: string; message?: string; field?: string }[];
}

export interface KubeErrorFacts extends ErrorFacts {
  /** HTTP status; 0 or absent where no answer came. */
  readonly status?: number;
  /** Reason of the server's Status; by default the code. */
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly retryAfterMs?: number;
}

/** Everything that fails between us and an API server: refused by it (`status` > 0) or never answered (`status` 0). */
export class KubeError extends CodedError<KubeErrorCode> {
  /** HTTP status; 0 where no complete answer came. */
  readonly status: number;
  /** Reason as the server words it: `NotFound`, `Expired`, …. */
  readonly reason: string;
  readonly details: StatusDetails | undefined;
  /** How long the server asks us to stay away; undefined where it does not say. */
  readonly retryAfterMs: number | undefined;

  constructor(code: KubeErrorCode, facts: KubeErrorFacts, options?: ErrorOptions) {
    super(KUBE_ERROR_RULES, code, facts, options);
    this.name = 'KubeError';
    this.status = facts.status ?? 0;
    this.reason = facts.reason ?? code;
    this.details = facts.details;
    this.retryAfterMs = facts.retryAfterMs;
  }

  get isNotFound(): boolean {
    return this.code === 'NotFound';
  }
  /** The object changed meanwhile, a field belongs to another manager, or a precondition does not hold. */
  get isConflict(): boolean {
    return this.code === 'Conflict';
  }
  get isAlreadyExists(): boolean {
    return this.code === 'AlreadyExists';
  }
  /** The resourceVersion or continue token is too old (410). */
  get isGone(): boolean {
    return this.code === 'Gone';
  }
  get isForbidden(): boolean {
    return this.code === 'Forbidden';
  }
  get isUnauthorized(): boolean {
    return this.code === 'Unauthorized';
  }
  get isInvalid(): boolean {
    return this.code === 'Invalid';
  }
  get isTooManyRequests(): boolean {
    return this.code === 'TooManyRequests';
  }
  /** No complete answer came: whether a write was done is unknown. */
  get isConnection(): boolean {
    return (
      this.status === 0 &&
      (this.code === 'Unreachable' || this.code === 'CertificateRejected' || this.code === 'TooSlow')
    );
  }
}

/** True for a KubeError that says that the object does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.isNotFound;
}

/**
 * The error for an answer of 400 or more.
 * @param body the answer's text; a Status where a Kubernetes API server wrote it, anything where a proxy did
 * @param retryAfter value of the Retry-After header (seconds, or a date)
 */
export function errorOfAnswer(
  facts: { attempted: string; where: string },
  status: number,
  body: string,
  retryAfter?: string,
): KubeError {
  return errorOfStatus(facts, { code: status, ...parseStatus(body) }, retryAfter);
}

/** The error for a Status: the body of a failed request, or the object of an ERROR event in a watch. */
export function errorOfStatus(
  facts: { attempted: string; where: string },
  status: Status,
  retryAfter?: string,
): KubeError {
  const code = status.code ?? 500;
  const retryAfterMs = parseRetryAfter(retryAfter) ?? secondsToMs(status.details?.retryAfterSeconds);
  return new KubeError(codeOf(code, status.reason), {
    ...facts,
    why: status.message ?? `the server answered ${code}`,
    status: code,
    ...(status.reason !== undefined && status.reason !== '' && { reason: status.reason }),
    ...(status.details !== undefined && { details: status.details }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

function codeOf(status: number, reason: string | undefined): KubeErrorCode {
  switch (status) {
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Gone';
    case 422:
      return 'Invalid';
    case 429:
      return 'TooManyRequests';
    default:
      return status >= 400 && status < 500 && status !== 408 ? 'BadRequest' : 'ServerFailed';
  }
}

/** Longest text of a foreign answer that goes into a message: enough to recognise a proxy's error page. */
const MAX_FOREIGN_TEXT = 200;

function parseStatus(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && 'kind' in parsed && parsed.kind === 'Status') {
      const { code: _, ...status } = parsed as Status; // the HTTP status is what counts
      return status;
    }
  } catch {
    // Not JSON: a proxy or another server answered. Its text is the explanation.
  }
  const text = body.trim().slice(0, MAX_FOREIGN_TEXT);
  return text === '' ? {} : { message: text };
}

/** Longest pause that we grant a server: a hostile or broken one must not silence us for days. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

function parseRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return secondsToMs(Number(value));
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - Date.now()), MAX_RETRY_AFTER_MS);
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined || seconds <= 0 ? undefined : Math.min(seconds * 1000, MAX_RETRY_AFTER_MS);
}

/** The error for a request that got no complete answer. KubeErrors pass through; the cause's code is named. */
export function errorOfConnection(facts: { attempted: string; where: string }, cause: unknown): KubeError {
  if (cause instanceof KubeError) return cause;
  const code = causeCode(cause);
  const kind = code !== undefined && isCertificateCode(code) ? 'CertificateRejected' : 'Unreachable';
  return new KubeError(kind, { ...facts, why: explain(cause, code) }, { cause });
}

/** Code of the innermost error that has one (AggregateError of a dual-stack connect has none itself). */
export function causeCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  if ('code' in cause && typeof cause.code === 'string') return cause.code;
  if (cause instanceof AggregateError) return causeCode(cause.errors[0]);
  return causeCode(cause.cause);
}

function isCertificateCode(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ERR_TLS|ERR_SSL|EPROTO/.test(code);
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'the host name does not resolve',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no TCP connection within the time-out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half-way',
  UND_ERR_SOCKET: 'the connection was closed',
};

function explain(cause: unknown, code: string | undefined): string {
  const words = code === undefined ? undefined : WORDS[code];
  if (words !== undefined) return `${words} (${code})`;
  const message = cause instanceof Error ? cause.message : String(cause);
  return code === undefined || message.includes(code) ? message : `${message} (${code})`;
}
