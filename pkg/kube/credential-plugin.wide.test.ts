import { chmod, mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byteServer } from './byte-server.ts';
import { connectCluster } from './cluster.ts';
import { loadKubeconfig } from './kubeconfig.ts';
import { POD } from './resources.ts';

const REF = { namespace: 'shop', name: 'web' };

/** A plugin that counts its calls and hands out `token-1`, `token-2`, … without an expiry. */
const PLUGIN = `#!/bin/sh
cd "$(dirname "$0")"
echo "$KUBERNETES_EXEC_INFO" > info
echo x >> calls
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"token-%d"}}' $(wc -l < calls)
`;

async function bed(plugin: string, valid: (token: string) => boolean) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'tombolo-plugin-'));
  const server = await byteServer((request, reply) =>
    valid(request.headers['authorization'] ?? '')
      ? reply.json(200, {})
      : reply.status(401, 'Unauthorized', 'Unauthorized'),
  );
  await writeFile(join(folder.path, 'plugin.sh'), plugin);
  await chmod(join(folder.path, 'plugin.sh'), 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin.sh', provideClusterInfo: true };
  const config = {
    'current-context': 'c',
    clusters: [{ name: 'k', cluster: { server: server.url } }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'same-name' } }],
    users: [{ name: 'same-name', user: { exec } }],
  };
  await writeFile(join(folder.path, 'config'), JSON.stringify(config));
  return {
    folder: folder.path,
    server,
    cluster: connectCluster(await loadKubeconfig(join(folder.path, 'config'))),
    async [Symbol.asyncDispose]() {
      await this.cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('an exec plugin beside its kubeconfig is run once, told what it needs, and run again after a 401', async () => {
  let accepted = 'Bearer token-1';
  await using it = await bed(PLUGIN, (token) => token === accepted);
  await it.cluster.client.get(POD, REF);
  await it.cluster.client.get(POD, REF);
  expect(await readFile(join(it.folder, 'calls'), 'utf8')).toBe('x\n');
  expect(JSON.parse(await readFile(join(it.folder, 'info'), 'utf8'))).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false, cluster: { server: it.server.url } },
  });
  accepted = 'Bearer token-2';
  await it.cluster.client.get(POD, REF);
  expect(it.server.requests.map((request) => request.headers['authorization'])).toEqual([
    'Bearer token-1',
    'Bearer token-1',
    'Bearer token-1',
    'Bearer token-2',
  ]);
});

test('two clusters whose users have the same name do not share credentials', async () => {
  await using one = await bed(PLUGIN, () => true);
  await using two = await bed(PLUGIN.replace('token-%d', 'other-%d'), () => true);
  await one.cluster.client.get(POD, REF);
  await two.cluster.client.get(POD, REF);
  expect(two.server.requests[0]?.headers['authorization']).toBe('Bearer other-1');
});

test('a plugin that fails is an error that says so', async () => {
  await using it = await bed('#!/bin/sh\necho "please log in" >&2\nexit 1\n', () => true);
  await expect(it.cluster.client.get(POD, REF)).rejects.toMatchObject({
    code: 'CredentialsUnavailable',
    why: expect.stringContaining('please log in'),
  });
});
