import { mkdir, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inClusterConfig } from './in-cluster.ts';
import { defaultKubeconfigPaths, loadKubeconfig, readKubeconfig } from './kubeconfig.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

async function folderWith(files: Record<string, string>) {
  const folder = await mkdtempDisposable(join(tmpdir(), 'tombolo-kubeconfig-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder.path, name, '..'), { recursive: true });
    await writeFile(join(folder.path, name), text);
  }
  return folder;
}

const ADMIN = `
apiVersion: v1
kind: Config
current-context: admin@milan
clusters:
- name: milan
  cluster: {server: "https://192.0.2.1:6443", certificate-authority-data: ${base64('CA')}, tls-server-name: api.milan}
contexts:
- {name: admin@milan, context: {cluster: milan, user: admin}}
- {name: file@milan, context: {cluster: milan, user: file, namespace: shop}}
- {name: broken, context: {cluster: nowhere, user: admin}}
users:
- name: admin
  user: {client-certificate-data: ${base64('CERT')}, client-key-data: ${base64('KEY')}, as: ann, as-groups: [dev]}
- {name: file, user: {tokenFile: secrets/token}}
`;

describe('loadKubeconfig', () => {
  test('reads the current context with data in the file', async () => {
    await using folder = await folderWith({ config: ADMIN });
    expect(await loadKubeconfig(join(folder.path, 'config'))).toEqual({
      name: 'admin@milan',
      server: 'https://192.0.2.1:6443',
      caPem: 'CA',
      tlsServerName: 'api.milan',
      auth: { clientCert: { certPem: 'CERT', keyPem: 'KEY' }, impersonate: { user: 'ann', groups: ['dev'] } },
    });
  });

  test('reads another context, with paths relative to the file', async () => {
    await using folder = await folderWith({ config: ADMIN });
    const { auth } = await loadKubeconfig(join(folder.path, 'config'), 'file@milan');
    expect(auth).toEqual({ tokenFile: join(folder.path, 'secrets/token') });
  });

  test('reads certificates from files beside it', async () => {
    const text = `
current-context: c
clusters: [{name: k, cluster: {server: "https://x", certificate-authority: pki/ca.crt, insecure-skip-tls-verify: true}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
users: [{name: u, user: {client-certificate: pki/u.crt, client-key: pki/u.key}}]
`;
    await using folder = await folderWith({
      config: text,
      'pki/ca.crt': 'CA',
      'pki/u.crt': 'CERT',
      'pki/u.key': 'KEY',
    });
    expect(await loadKubeconfig(join(folder.path, 'config'))).toEqual({
      name: 'c',
      server: 'https://x',
      caPem: 'CA',
      insecureSkipTlsVerify: true,
      auth: { clientCert: { certPem: 'CERT', keyPem: 'KEY' } },
    });
  });

  test('merges several files: the first that names something wins, missing ones are skipped', async () => {
    await using folder = await folderWith({
      one: 'contexts: [{name: c, context: {cluster: k, user: u}}]\nusers: [{name: u, user: {token: first}}]',
      two: 'current-context: c\nclusters: [{name: k, cluster: {server: "https://x"}}]\nusers: [{name: u, user: {token: second}}]',
    });
    const paths = ['one', 'missing', 'two'].map((name) => join(folder.path, name));
    expect(await readKubeconfig(paths)).toEqual({ name: 'c', server: 'https://x', auth: { token: 'first' } });
  });

  test('looks where kubectl looks', () => {
    expect(defaultKubeconfigPaths({ KUBECONFIG: '/a:/b' }, '/home/ann')).toEqual(['/a', '/b']);
    expect(defaultKubeconfigPaths({}, '/home/ann')).toEqual(['/home/ann/.kube/config']);
  });

  test('a proxy becomes a connector', async () => {
    await using folder = await folderWith({
      config: ADMIN.replace('tls-server-name:', 'proxy-url: "http://p:3128", tls-server-name:'),
    });
    expect((await loadKubeconfig(join(folder.path, 'config'))).connector).toBeTypeOf('function');
  });

  test.each([
    ['a file that is not there', undefined, undefined, 'ENOENT'],
    ['no YAML', 'clusters: [', undefined, 'read the kubeconfig'],
    ['something else', '- just\n- a list', undefined, 'it is not a kubeconfig'],
    ['an unknown context', ADMIN, 'nope', 'it has no context "nope"'],
    ['a context without a cluster', ADMIN, 'broken', 'context "broken" names no known cluster'],
    ['no current context', ADMIN.replace('current-context', 'x'), undefined, 'it has no current-context'],
    ['a list that is none', ADMIN.replace('users:', 'users: 5\nothers:'), undefined, '"users" is not a list'],
    ['a key without a certificate', ADMIN.replace('client-certificate-data', 'x'), undefined, 'go together'],
    ['a password', ADMIN.replace('as: ann', 'username: ann'), undefined, 'user name and a password'],
    [
      'a missing file',
      ADMIN.replace(/certificate-authority-data: \w+=*/, 'certificate-authority: /nowhere/ca'),
      undefined,
      '/nowhere/ca',
    ],
  ])('%s is named with the file', async (_case, text, context, message) => {
    await using folder = await folderWith(text === undefined ? {} : { config: text });
    const path = join(folder.path, 'config');
    const error = await loadKubeconfig(path, context).catch((cause: unknown) => cause);
    expect(String(error)).toContain(message);
    expect(error).toMatchObject({ code: 'BadKubeconfig', where: path, retryable: false });
  });
});

describe('inClusterConfig', () => {
  test('uses the service account of the pod', async () => {
    await using folder = await folderWith({ 'ca.crt': 'CA' });
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    expect(inClusterConfig('home', env, folder.path)).toEqual({
      name: 'home',
      server: 'https://[fd00::1]:443',
      caPem: 'CA',
      auth: { tokenFile: `${folder.path}/token` },
    });
  });

  test('outside of a pod says what is missing', () => {
    expect(() => inClusterConfig('home', {})).toThrow('KUBERNETES_SERVICE_HOST');
  });
});
