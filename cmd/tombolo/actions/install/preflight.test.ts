import { describe, expect, test } from 'vitest';
import type { Cluster } from '#pkg/kube';
import { CliError } from '../../errors.ts';
import { checkRights, checkVersion } from './preflight.ts';

const signal = new AbortController().signal;

/** A cluster of that version whose API server allows what `allows` says; undefined: it does not know the review. */
function cluster(minor: string, allows: (words: string) => boolean | undefined = () => true): Cluster {
  const client = {
    version: async () => ({ major: '1', minor, gitVersion: `v1.${minor}.0`, platform: 'linux/amd64' }),
    async request(method: string, path: string, { body }: { body: { spec: { resourceAttributes: Right } } }) {
      expect(`${method} ${path}`).toBe('POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews');
      const { verb, resource } = body.spec.resourceAttributes;
      const allowed = allows(`${verb} ${resource}`);
      if (allowed === undefined) return { status: 404, headers: {}, body: Buffer.from('no such path') };
      return { status: 201, headers: {}, body: Buffer.from(JSON.stringify({ status: { allowed } })) };
    },
  };
  return { name: 'milan', server: 'https://milan.example:6443', client } as unknown as Cluster;
}

interface Right {
  readonly verb: string;
  readonly resource: string;
}

async function refusal(work: Promise<unknown>): Promise<CliError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CliError)) throw new Error(`expected a CliError, got ${String(error)}`);
  return error;
}

describe('before an installation changes anything', () => {
  test.each(['30', '31+', '35'])('Kubernetes 1.%s is new enough', async (minor) => {
    expect(await checkVersion(cluster(minor), signal)).toBe(`v1.${minor}.0`);
  });

  test('CLI-02 an older one is refused with both versions', async () => {
    const error = await refusal(checkVersion(cluster('29'), signal));
    expect(error.code).toBe('UnsupportedVersion');
    expect(error.message).toContain('milan.example:6443');
    expect(error.message).toContain('it runs Kubernetes v1.29.0; Tombolo needs 1.30 or newer');
  });

  test('CLI-02 rights that are missing are all named, and that nobody can tell is no right', async () => {
    await checkRights(cluster('35'), signal);
    const lacks = new Set(['escalate clusterroles', 'create secrets']);
    const error = await refusal(
      checkRights(
        cluster('35', (words) => !lacks.has(words)),
        signal,
      ),
    );
    expect(error.code).toBe('MissingRight');
    expect(error.message).toContain('this account may not escalate clusterroles, create secrets');
    const unknown = await refusal(
      checkRights(
        cluster('35', () => undefined),
        signal,
      ),
    );
    expect(unknown.message).toContain('SelfSubjectAccessReview was answered with 404');
  });
});
