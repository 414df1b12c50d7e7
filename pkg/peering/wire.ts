/**
 * What travels over the peering API. Answers of a newer minor version may hold more fields: they are ignored, never
 * refused. Every text has a bound, because the other end may be hostile.
 */
import { peerName } from '#pkg/api';
import { z } from 'zod';

/** Largest body in either direction. A CA bundle of ten certificates and a token stay far below. */
export const MAX_BODY_BYTES = 64 * 1024;

/** The one target that the relay knows; the provider's own API server, whatever its address is. */
export const RELAY_TARGET = 'kubernetes.default.svc:443';
/** Every Kubernetes API server's certificate holds this name. */
export const RELAY_SERVER_NAME = 'kubernetes.default.svc';

export const PATHS = {
  info: '/v1/info',
  redeem: '/v1/redeem',
  request: '/v1/request',
  credentials: '/v1/credentials',
  unpeer: '/v1/unpeer',
} as const;

const addresses = z.array(z.string().min(3).max(300)).max(16);
const versionText = z.string().max(64);

export const redeemRequest = z.object({
  invite: z.string().min(1).max(63),
  secret: z.string().regex(/^[\w-]{43}$/),
  /** What the asking cluster calls itself: a wish, the provider may add to it. */
  clusterName: peerName,
  /** Where the asking cluster can be dialled; empty where it cannot. */
  addresses,
  version: versionText,
});
export type RedeemRequest = z.infer<typeof redeemRequest>;

/** Asks to be let in, and is asked again to hear what became of it. Who asks is proven by the key of the connection. */
export const requestForApproval = z.object({
  /** What the asking cluster calls itself: a wish, the provider may add to it. */
  clusterName: peerName,
  addresses,
  version: versionText,
  /** The same for every call of one wish: a request that expired is made anew only for another wish. */
  askedAt: z.string().min(1).max(64),
});
export type RequestForApproval = z.infer<typeof requestForApproval>;

export const approvalAnswer = z.object({
  state: z.enum(['Waiting', 'Accepted', 'Rejected', 'Expired']),
  /** A sentence of the asked side. */
  why: z.string().max(1024),
  /** When to ask again at the earliest; the asking side keeps to its own bounds. */
  pollAfterSeconds: z.number().min(0).max(3600),
});
export type ApprovalAnswer = z.infer<typeof approvalAnswer>;

/** Nothing of a request is left there, unless it was rejected: that stays known for a while. */
export const withdrawAnswer = z.object({ state: z.literal('Gone') });
export type WithdrawAnswer = z.infer<typeof withdrawAnswer>;

/** What a consumer gets to work with the provider's API server. */
export const credentialsAnswer = z.object({
  /** What the provider calls the consumer: the origin label of everything made there. */
  nameThere: peerName,
  tenantNamespace: z.string().min(1).max(63),
  api: z.object({
    /** `https://host:port`, tried in order; empty where only the relay leads there. */
    servers: z.array(z.url({ protocol: /^https$/ }).max(512)).max(8),
    caPem: z
      .string()
      .min(1)
      .max(32 * 1024),
    /** Whether the relay may be used. */
    relay: z.boolean(),
  }),
  token: z
    .string()
    .min(1)
    .max(16 * 1024),
  /** Seconds from now on; not a point in time, because clocks differ between clusters. */
  lifetimeSeconds: z.int().min(60),
  cluster: z.object({
    name: z.string().max(253),
    version: versionText,
    kubernetesVersion: versionText,
    addresses,
  }),
});
export type CredentialsAnswer = z.infer<typeof credentialsAnswer>;

/** What a known peer learns when it shows its key. */
export const infoAnswer = z.object({
  fingerprint: z.string().max(64),
  clusterName: z.string().max(253),
  version: versionText,
  kubernetesVersion: versionText,
  /** Whether this side lends to the asking one. */
  lends: z.boolean(),
  /** True where this side wants to end the direction in which it lends. */
  ending: z.boolean(),
});
export type InfoAnswer = z.infer<typeof infoAnswer>;

/** `Ending`: rights are gone, objects are being removed; `Gone`: nothing of that direction is left. */
export const unpeerAnswer = z.object({ state: z.enum(['Ending', 'Gone']) });
export type UnpeerAnswer = z.infer<typeof unpeerAnswer>;

export const errorAnswer = z.object({
  error: z.object({ code: z.string().max(64), why: z.string().max(1024) }),
});
