/**
 * Secrets: copied with their type, except for what only its own cluster may hold.
 *
 * Tokens of service accounts become ordinary data: as what they are, the provider's controllers would fill or delete them.
 * Helm releases and bootstrap tokens are never copied, and not even read.
 */
import { SECRET } from '#pkg/kube';
import { defineReflector, pick } from '#reflectors/framework';

const HELM_RELEASE = 'helm.sh/release.v1';
const BOOTSTRAP_TOKEN = 'bootstrap.kubernetes.io/token';
const ACCOUNT_TOKEN = 'kubernetes.io/service-account-token';

export const secretReflector = defineReflector({
  resource: SECRET,
  fieldSelector: `type!=${HELM_RELEASE},type!=${BOOTSTRAP_TOKEN}`,
  toTwin(local) {
    if (local.type === HELM_RELEASE || local.type === BOOTSTRAP_TOKEN) return undefined;
    const type = local.type === ACCOUNT_TOKEN ? 'Opaque' : local.type;
    const fields = { ...pick(local, 'data', 'immutable'), ...(type !== undefined && { type }) };
    // Name and UID of the account mean nothing there.
    return { fields, dropKeys: ['kubernetes.io/service-account.'] };
  },
});
