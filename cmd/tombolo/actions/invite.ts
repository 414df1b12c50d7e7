import type { Invite } from '#pkg/api';
import { createInvite, listInvites as list, revokeInvite as revoke } from '#pkg/peering';
import { formatDuration } from '../duration.ts';
import { CliError } from '../errors.ts';
import { noSuchName } from '../near.ts';
import type { Result } from '../output/format.ts';
import { table } from '../output/table.ts';
import { argument, type Session } from '../session.ts';
import { requireInstalled } from './installed.ts';
import { serverTime } from './server-time.ts';

export interface InviteOptions {
  /** Milliseconds. */
  readonly expiresIn: number;
  readonly limit?: Record<string, string>;
  readonly address?: readonly string[];
}

/** Makes an invite. Its token stands on stdout, alone, and nowhere else: no object and no log holds it (PEER-04). */
export async function createInviteAction(session: Session, options: InviteOptions): Promise<Result> {
  const { signal, progress } = session;
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  const invite = await createInvite(cluster.client, {
    cluster: cluster.name,
    lifetimeMs: options.expiresIn,
    now: await serverTime(cluster, signal),
    signal,
    ...(options.limit !== undefined && { limits: options.limit }),
    ...(options.address !== undefined && { addresses: options.address }),
  });
  progress.note(`On the other cluster, within ${formatDuration(options.expiresIn)}: tombolo peer TOKEN`);
  const value = { name: invite.name, token: invite.token, expiresAt: invite.expiresAt.toISOString() };
  return { value, text: invite.token };
}

/** What invites there are, and what became of them. */
export async function listInvites(session: Session): Promise<Result> {
  const cluster = await session.home();
  await requireInstalled(cluster, session.signal);
  const [invites, now] = await Promise.all([list(cluster.client, session.signal), serverTime(cluster, session.signal)]);
  const views = invites.map((invite) => view(invite, now));
  const rows = views.map(({ name, state, expiresAt, peer }) => [name, state, expiresAt, peer ?? '']);
  return { value: { invites: views }, text: table(['name', 'state', 'expires', 'used by'], rows) };
}

function view({ metadata, spec, status }: Invite, now: Date) {
  const isExpired = new Date(spec.expiresAt) <= now;
  const state = status?.redeemedBy !== undefined ? 'Used' : isExpired ? 'Expired' : 'Open';
  return {
    name: metadata.name,
    state,
    expiresAt: spec.expiresAt,
    ...(status?.peer !== undefined && { peer: status.peer }),
  };
}

/** Makes a token worthless; a peering that it made stays. */
export async function revokeInvite(session: Session, _options: object, args: readonly string[]): Promise<Result> {
  const { signal } = session;
  const name = argument(args, 'the invite');
  const cluster = await session.home();
  await requireInstalled(cluster, signal);
  if (await revoke(cluster.client, name, signal)) {
    return { value: { name, revoked: true }, text: `Invite ${name} is revoked.` };
  }
  const known = (await list(cluster.client, signal)).map((invite) => invite.metadata.name);
  const where = `Invite "${name}" of cluster ${cluster.name}`;
  throw new CliError('UnknownInvite', { attempted: 'revoke the invite', where, why: noSuchName(name, known) });
}
