import type { Unreachable } from '#pkg/api';
import { causeCode } from '#pkg/kube';
import { isCodedError } from '#pkg/runtime';
import { isPeeringError, type PeeringError } from '../errors.ts';
import type { PeerCredentials } from './peer-credentials.ts';
import type { ConsumerSession } from './session.ts';

/** What of a provider gave no answer the last two times: one failed look between good ones is noise. Pure. */
export function unreachableOf(
  { path, server }: PeerCredentials,
  { api, endpoint }: Pick<ConsumerSession, 'api' | 'endpoint'>,
): Unreachable[] {
  const peering = endpoint.failures < 2 ? [] : failedAddresses(endpoint.error);
  const isApiAway = api.failures >= 2 && path === 'Direct' && isPeeringError(api.error, 'ApiUnreachable');
  return [
    ...peering.map((error) => entry('PeeringEndpoint', addressOf(error), error)),
    ...(isApiAway ? [entry('ApiServer', hostAndPort(server), api.error as PeeringError)] : []),
  ];
}

/** Most that a Peer may hold, with one place for the API server. */
const MAX_ADDRESSES = 31;

/** One error for each address that was tried. */
function failedAddresses(error: unknown): PeeringError[] {
  if (!isPeeringError(error, 'PeerUnreachable')) return [];
  const parts = error.cause instanceof AggregateError ? error.cause.errors : [error];
  return parts.filter((part) => isPeeringError(part, 'PeerUnreachable')).slice(0, MAX_ADDRESSES);
}

function entry(service: Unreachable['service'], address: string, error: PeeringError): Unreachable {
  return { service, address, reason: reasonOf(error), message: error.why };
}

const REASONS: Readonly<Record<string, Unreachable['reason']>> = {
  ENOTFOUND: 'NameNotResolved',
  EAI_AGAIN: 'NameNotResolved',
  ECONNREFUSED: 'ConnectionRefused',
  EHOSTUNREACH: 'NoRoute',
  ENETUNREACH: 'NoRoute',
};

function reasonOf(error: PeeringError): Unreachable['reason'] {
  return REASONS[systemCode(error) ?? ''] ?? (error.why.includes('no answer') ? 'NoAnswer' : 'Failed');
}

/** Code of the system call that failed: errors of ours have codes too. */
function systemCode(error: unknown): string | undefined {
  return isCodedError(error) ? systemCode(error.cause) : causeCode(error);
}

/** `host:port`: what the dialler says of where it failed, without the protocol. */
function addressOf({ where }: PeeringError): string {
  return where.replaceAll(' (TCP)', '');
}

/** `https://host` → `host:443`. */
function hostAndPort(server: string): string {
  const { host, port } = new URL(server);
  return port === '' ? `${host}:443` : host;
}
