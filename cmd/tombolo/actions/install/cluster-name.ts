/** Longest cluster name: names made from it must still fit into 63 characters (PEER-12). */
const MAX_LENGTH = 48;

/**
 * A cluster name made from the name of a context, such as `kubernetes-admin@milan` or `arn:aws:eks:…/milan`: always a DNS
 * label of at most 48 characters. Of a name with a separator the last part says most.
 */
export function clusterNameFrom(context: string): string {
  const last = context.split(/[@/]/).findLast((part) => part !== '') ?? context;
  const label = last
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_LENGTH)
    .replaceAll(/^-+|-+$/g, '');
  return label === '' ? 'cluster' : label;
}
