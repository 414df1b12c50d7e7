import { z } from 'zod';

/** The part of an `admission.k8s.io/v1` AdmissionReview that handlers read. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subResource?: string | undefined;
  readonly dryRun?: boolean | undefined;
  readonly object?: unknown;
  readonly oldObject?: unknown;
}

/** One step of a JSON patch (RFC 6902). */
export interface JsonPatchStep {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

export interface AdmissionResponse {
  readonly allowed: boolean;
  /** Of a refusal: why, in one sentence, and the HTTP status (default 403). */
  readonly status?: { readonly code?: number | undefined; readonly message: string } | undefined;
  readonly patch?: readonly JsonPatchStep[] | undefined;
  /** Shown by kubectl. */
  readonly warnings?: readonly string[] | undefined;
}

/** Answers one admission request. What it throws becomes a 500: the API server then goes by `failurePolicy`. */
export type AdmissionHandler = (
  request: AdmissionRequest,
  signal: AbortSignal,
) => AdmissionResponse | Promise<AdmissionResponse>;

export const ALLOWED: AdmissionResponse = { allowed: true };

export function denied(message: string): AdmissionResponse {
  return { allowed: false, status: { message } };
}

/** Unknown fields stay: the API server adds some with each version. */
export const reviewSchema = z.looseObject({
  apiVersion: z.literal('admission.k8s.io/v1'),
  kind: z.literal('AdmissionReview'),
  request: z.looseObject({
    uid: z.string().min(1),
    operation: z.string(),
    namespace: z.string().optional(),
    name: z.string().optional(),
    subResource: z.string().optional(),
    dryRun: z.boolean().optional(),
    object: z.unknown().optional(),
    oldObject: z.unknown().optional(),
  }),
});

/** The AdmissionReview to send back for the request `uid`. */
export function reviewAnswer(uid: string, response: AdmissionResponse): object {
  const { allowed, status, patch, warnings } = response;
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed,
      ...(!allowed && {
        status: { code: status?.code ?? 403, reason: 'Forbidden', message: status?.message ?? 'refused' },
      }),
      ...(patch !== undefined &&
        patch.length > 0 && { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }),
      ...(warnings !== undefined && warnings.length > 0 && { warnings }),
    },
  };
}
