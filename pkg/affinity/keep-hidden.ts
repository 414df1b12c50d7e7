import { HEADLESS, HIDDEN } from '#pkg/api';

/** A slash in the name of a label, in a path of a JSON patch (RFC 6901). */
const PATH = `/metadata/labels/${HEADLESS.replaceAll('/', '~1')}`;

/**
 * Answer to a write of a slice that was hidden and would be no more: Kubernetes' own controller puts its labels anew with
 * each change of an endpoint. What is asked about is chosen by the webhook's conditions in the chart alone. Pure.
 */
export function keepHidden() {
  return { allowed: true, patch: [{ op: 'add', path: PATH, value: HIDDEN }] } as const;
}
