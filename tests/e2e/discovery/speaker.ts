/** A host on the link that says in mDNS whatever a test wants, from whatever address of its own. */
import { once } from 'node:events';
import { join } from 'node:path';
import { type Answer, encode } from 'dns-packet';
import { type Bed } from '../bed.ts';
import { linkHost } from './link-host.ts';

const SERVICE = '_tombolo._tcp.local';

/** What a responder says of a cluster; what is left out is as it should be. */
export interface Spoken {
  readonly name: string;
  /** First label of the instance; default the name. */
  readonly instance?: string;
  readonly txt: readonly (string | Buffer)[];
  /** Where it is to be dialled; `null`: nobody on the link knows the host. */
  readonly address?: string | null;
  readonly port?: number;
  /** 0 says goodbye. */
  readonly ttlSeconds?: number;
}

export interface Speaker extends AsyncDisposable {
  readonly addresses: readonly string[];
  /** Sends that message to the group once. */
  say(spoken: Spoken, from?: string): void;
}

/** @param others further addresses from which it can speak */
export async function speaker(bed: Bed, others = 0): Promise<Speaker> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await linkHost(bed, 'speaker', others));
  const { child, said } = host.start(process.execPath, [join(import.meta.dirname, 'speaker-process.ts')]);
  const stdin = child.stdin;
  if (stdin === null || child.stdout === null) throw new Error('the speaker has no pipes');
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the speaker ended: ${said()}`);
  });
  await Promise.race([once(child.stdout, 'data'), ended]); // "ready"
  ended.catch(() => {}); // from now on `say` tells it
  const owned = stack.move();
  return {
    addresses: [host.address, ...host.others],
    say(spoken, from = host.address) {
      if (child.exitCode !== null) throw new Error(`the speaker ended: ${said()}`);
      stdin.write(`${JSON.stringify({ from, bytes: messageOf(spoken).toString('base64') })}\n`);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function messageOf({
  name,
  instance = name,
  txt,
  address = '203.0.113.66',
  port = 7443,
  ttlSeconds = 20,
}: Spoken): Buffer {
  const full = `${instance}.${SERVICE}`;
  const host = `${name}-host.local`;
  const common = { ttl: ttlSeconds, class: 'IN' } as const;
  const answers: Answer[] = [
    { ...common, type: 'PTR', name: SERVICE, data: full },
    { ...common, type: 'SRV', name: full, data: { port, target: host }, flush: true },
    { ...common, type: 'TXT', name: full, data: [...txt], flush: true },
    ...(address === null ? [] : [{ ...common, type: 'A' as const, name: host, data: address, flush: true }]),
  ];
  return encode({ type: 'response', flags: 0x0400, answers });
}
