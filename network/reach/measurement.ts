import { z } from 'zod';

/** Of server, TCP and UDP. Any number would do: the pods have addresses of their own. */
export const REACH_PORT = 7_440;

const protocol = z.enum(['TCP', 'UDP', 'ping']);
export type Protocol = z.infer<typeof protocol>;

/**
 * Bytes of the payloads by protocol: one that fits into any packet, and one that fits into none (an Ethernet packet carries
 * 1,500 bytes, a tunnel less). TCP is told by several round trips that a path swallows large packets.
 */
export const PAYLOADS: Readonly<Record<Protocol, readonly [small: number, large: number]>> = {
  TCP: [64, 100 * 1024],
  UDP: [64, 3_000],
  ping: [56, 3_000],
};

const target = z.object({
  /** How the caller calls it; comes back in each measurement. */
  to: z.string().max(200),
  /** Address or name. */
  host: z.string().min(1).max(253),
  protocols: z.array(protocol).min(1),
});
export type Target = z.infer<typeof target>;

const measurement = z.object({
  to: z.string().max(200),
  protocol,
  bytes: z.int().min(0),
  result: z.enum(['ok', 'failed', 'skipped']),
  /** Milliseconds for the payload there and back, without name look-up and without opening a connection. */
  roundTripMs: z.number().min(0).optional(),
  /** Address of the asker as the server saw it. Nobody can tell it for a ping. */
  seen: z.string().max(100).optional(),
  /** Why it failed or was not tried. */
  why: z.string().max(1_000).optional(),
});
/** What came of one payload by one protocol to one target. */
export type Measurement = z.infer<typeof measurement>;

/** @throws z.ZodError or SyntaxError where the text is no list of targets */
export function readTargets(text: string): Target[] {
  return z.array(target).max(100).parse(JSON.parse(text));
}

/** One line of JSON for each, as `readMeasurements` reads them. */
export function measurementLines(measurements: readonly Measurement[]): string {
  return measurements.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** The measurements in a log; lines that are none are left out, since a log may hold warnings too. */
export function readMeasurements(log: string): Measurement[] {
  return log.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const parsed = measurement.safeParse(parseJson(line));
    return parsed.success ? [parsed.data] : [];
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // a line that was cut off is no measurement
  }
}
