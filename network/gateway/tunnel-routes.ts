import { ROUTE_METRIC, ROUTE_PROTOCOL, withLength } from '#network/overlay';
import { runCommand } from '#pkg/runtime';

interface ListedRoute {
  readonly dst: string;
  readonly protocol?: string;
  readonly metric?: number;
}

/**
 * Lines for `ip -batch` that send exactly these ranges into the tunnel. Pure; new ones come first.
 * @param standing routes of `device`, without the kernel's own
 */
export function planTunnelRoutes(device: string, ranges: readonly string[], standing: readonly string[]): string[] {
  const wanted = new Set(ranges);
  const there = new Set(standing);
  return [
    ...[...wanted]
      .filter((range) => !there.has(range))
      .map((range) => `route replace ${range} dev ${device} proto ${ROUTE_PROTOCOL} metric ${ROUTE_METRIC}`),
    ...standing.filter((range) => !wanted.has(range)).map((range) => `route del ${range} dev ${device}`),
  ];
}

/**
 * Makes the routes of the tunnel device be these ranges. Idempotent; routes of other devices are not looked at.
 * @returns what was done, a line each
 * @throws CommandError
 */
export async function applyTunnelRoutes(
  device: string,
  ranges: readonly string[],
  signal: AbortSignal,
  run: typeof runCommand = runCommand,
): Promise<string[]> {
  const standing: string[] = [];
  for (const family of ['-4', '-6']) {
    const { stdout } = await run('ip', ['-json', family, 'route', 'show', 'dev', device], { signal });
    const routes = stdout.trim() === '' ? [] : (JSON.parse(stdout) as ListedRoute[]);
    standing.push(...routes.filter(({ protocol }) => protocol !== 'kernel').map(({ dst }) => withLength(dst)));
  }
  const lines = planTunnelRoutes(device, ranges, standing);
  if (lines.length > 0) await run('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n`, signal });
  return lines;
}
