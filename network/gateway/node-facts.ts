import { formatCidr, readAddress, readCidr } from '#network/cidr';
import { ANNOTATION } from '#pkg/api';
import type { Node } from '#pkg/kube';
import type { NodeFacts } from './plan-gateway.ts';

/**
 * How the gateway reaches a node; undefined while the node has no anchor or no address. Pod ranges are those of
 * `spec.podCIDRs`.
 */
export function factsOfNode({ metadata, spec, status }: Node): NodeFacts | undefined {
  const anchor = readAddress(metadata.annotations?.[ANNOTATION.anchorAddress] ?? '');
  const underlay = (status?.addresses ?? []).find(({ type }) => type === 'InternalIP')?.address;
  if (anchor === undefined || underlay === undefined || readAddress(underlay) === undefined) return undefined;
  const ranges = (spec?.podCIDRs ?? []).flatMap((text) => readCidr(text) ?? []);
  return {
    underlay,
    anchor: metadata.annotations?.[ANNOTATION.anchorAddress] ?? '',
    podRanges: ranges.filter(({ family }) => family === anchor.family).map(formatCidr),
  };
}
