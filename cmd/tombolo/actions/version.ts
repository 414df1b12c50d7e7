import { CLIENT_VERSION } from '../client-version.ts';
import type { Result } from '../output/format.ts';
import type { Session } from '../session.ts';
import { clusterInfo } from './installed.ts';

/** Versions of this program and of what runs on the cluster. A cluster that does not answer is said, and is no failure. */
export async function version(session: Session, options: { readonly client: boolean }): Promise<Result> {
  const client = { version: CLIENT_VERSION, node: process.version };
  const first = `tombolo      ${CLIENT_VERSION} (Node ${process.version})`;
  if (options.client) return { value: { client }, text: first };
  const server = await serverVersions(session);
  const rest =
    'error' in server
      ? [`cluster      ${server.error}`]
      : [
          `cluster      ${server.name}: Tombolo ${server.version ?? 'is not installed'}, Kubernetes ${server.kubernetes}`,
        ];
  return { value: { client, server }, text: [first, ...rest].join('\n') };
}

type ServerVersions = { name: string; version?: string; kubernetes: string } | { error: string };

async function serverVersions(session: Session): Promise<ServerVersions> {
  try {
    const cluster = await session.home();
    const [info, { gitVersion }] = await Promise.all([
      clusterInfo(cluster, session.signal),
      cluster.client.version({ signal: session.signal }),
    ]);
    return {
      name: info?.clusterName ?? cluster.name,
      ...(info?.version !== undefined && { version: info.version }),
      kubernetes: gitVersion,
    };
  } catch (error) {
    session.signal.throwIfAborted();
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
