import { parseImage } from './image.ts';
import type { InstallOptions } from './install.ts';
import { refuseLocalAddress } from './local-address.ts';

/** Values of the chart, as JSON. */
export type Values = Record<string, unknown>;

/**
 * Chart values that flags of ours stand for.
 * @throws CliError `BadFlag`, `LocalAddress`
 */
export function askedValues(options: InstallOptions): Values {
  for (const address of options.peeringAddress ?? []) refuseLocalAddress('--peering-address', address);
  if (options.apiServer !== undefined) refuseLocalAddress('--api-server', options.apiServer);
  const peering = {
    ...(options.peeringAddress !== undefined && { addresses: options.peeringAddress }),
    ...(options.apiServer !== undefined && { apiServer: options.apiServer }),
  };
  const network = {
    ...(options.podRange !== undefined && { podRanges: options.podRange }),
    ...(options.serviceRange !== undefined && { serviceRanges: options.serviceRange }),
    ...(options.nodeRange !== undefined && { nodeRanges: options.nodeRange }),
    ...(options.anchorRange !== undefined && { anchorRange: options.anchorRange }),
  };
  return {
    ...(options.clusterName !== undefined && { clusterName: options.clusterName }),
    ...(options.image !== undefined && { image: parseImage(options.image) }),
    ...(Object.keys(peering).length > 0 && { peering }),
    ...(Object.keys(network).length > 0 && { network }),
  };
}

/** Maps are merged key by key, everything else is replaced: as Helm merges files of values. */
export function mergeValues(base: Values, over: Values): Values {
  const merged = Object.entries(over).map(([key, value]) => {
    const below = base[key];
    return [key, isMap(value) && isMap(below) ? mergeValues(below, value) : value] as const;
  });
  return { ...base, ...Object.fromEntries(merged) };
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
