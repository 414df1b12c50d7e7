import { readFileSync } from 'node:fs';
import { messageOf } from '#pkg/runtime';
import type { ClusterConfig } from './config.ts';
import { KubeError } from './errors.ts';

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The cluster that this pod runs in, by its service account. Reads the CA once; the token file is read again as it
 * rotates.
 * @param name for logs and metrics; need not be the cluster's own name for itself
 * @throws KubeError `BadKubeconfig` outside of a pod
 */
export function inClusterConfig(name: string, env: NodeJS.ProcessEnv = process.env, folder = FOLDER): ClusterConfig {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (host === undefined || port === undefined) {
    throw notInPod('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set');
  }
  let caPem: string;
  try {
    caPem = readFileSync(`${folder}/ca.crt`, 'utf8');
  } catch (cause) {
    throw notInPod(messageOf(cause), cause);
  }
  return {
    name,
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    caPem,
    auth: { tokenFile: `${folder}/token` },
  };
}

function notInPod(why: string, cause?: unknown): KubeError {
  return new KubeError(
    'BadKubeconfig',
    {
      attempted: 'use the service account of this pod',
      where: FOLDER,
      why,
      next: 'run in a pod, or name a kubeconfig',
    },
    { cause },
  );
}
