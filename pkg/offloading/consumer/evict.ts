import { type KubeClient, objectPath, PDB, POD, type Pod, type PodDisruptionBudget } from '#pkg/kube';
import { OffloadingError } from '../errors.ts';

/** `blocked`: a PodDisruptionBudget says not now. `gone`: it is not there any more, or another pod has its name. */
export type Eviction =
  | { readonly outcome: 'accepted' | 'gone' }
  | { readonly outcome: 'blocked'; readonly why: string };

/**
 * Asks once for the eviction of exactly that pod. A refusal by a budget is an answer and not waited out here.
 * @throws OffloadingError `EvictionRefused` for any other refusal; KubeError where no answer came
 */
export async function evict(client: Pick<KubeClient, 'request'>, pod: Pod, signal: AbortSignal): Promise<Eviction> {
  const { name, namespace = '', uid } = pod.metadata;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid } },
  };
  const answer = await client.request('POST', objectPath(POD, { name, namespace }, 'eviction'), { body, signal });
  if (answer.status < 300) return { outcome: 'accepted' };
  if (answer.status === 404 || answer.status === 409) return { outcome: 'gone' };
  const why = statusMessage(answer.body);
  if (answer.status === 429) return { outcome: 'blocked', why };
  const where = `Pod ${namespace}/${name}`;
  throw new OffloadingError('EvictionRefused', { attempted: 'evict', where, why: `${answer.status}: ${why}` });
}

function statusMessage(body: Buffer): string {
  const text = body.toString('utf8');
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) return String(parsed.message);
  } catch {
    // Not a Status: the text itself is the explanation.
  }
  return text.slice(0, 200);
}

/** Names of the budgets of that namespace that select the pod, for the sentence that says what blocks. */
export async function budgetsOf(client: Pick<KubeClient, 'list'>, pod: Pod, signal: AbortSignal): Promise<string[]> {
  const { namespace } = pod.metadata;
  const { items } = await client.list<PodDisruptionBudget>(PDB, { namespace }, { signal });
  return items.filter((budget) => selects(budget, pod.metadata.labels ?? {})).map((budget) => budget.metadata.name);
}

/** In policy/v1 an empty selector selects every pod, an absent one none. */
function selects({ spec }: PodDisruptionBudget, labels: Readonly<Record<string, string>>): boolean {
  const selector = spec?.selector;
  if (selector === undefined) return false;
  const byLabel = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    byLabel &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      return (value !== undefined) === (operator === 'Exists');
    })
  );
}
