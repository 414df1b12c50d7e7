import { createHash } from 'node:crypto';
import { CommandError, type CommandResult, runCommand } from '#pkg/runtime';
import { NatError } from './errors.ts';
import { type ListedObject, parseListing, withoutTraffic } from './listing.ts';
import type { TableFamily } from './nft-text.ts';
import type { Run } from './run.ts';

export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

export interface NatTableOptions {
  /** The name that was rendered into the text. Default `tombolo`. */
  readonly table?: string;
  /** Default `inet`. */
  readonly family?: TableFamily;
  /** Default `runCommand`. */
  readonly run?: Run;
}

/**
 * One nftables table of ours. Nothing else is read or touched. Not safe for concurrent calls: its owner holds it alone.
 */
export class NatTable {
  /** Family and name, as nft takes them. */
  readonly #table: readonly [TableFamily, string];
  readonly #run: Run;
  #text: string | undefined;
  /** Of the table as the kernel listed it after the last transaction; counter values do not count. */
  #hash: string | undefined;
  /** What the counters of replaced tables had reached: a transaction starts them at zero again. */
  #before = new Map<string, Traffic>();

  constructor({ table = 'tombolo', family = 'inet', run = runCommand }: NatTableOptions = {}) {
    this.#table = [family, table];
    this.#run = run;
  }

  /**
   * Makes the table be what `text` says, in one transaction; on failure the old one stands. Idempotent: the same text
   * again loads nothing unless somebody changed the table meanwhile, which then is `repaired`.
   * @throws NatError `NatTableRefused`, `NatToolFailed` (both retryable)
   */
  async apply(text: string, signal: AbortSignal): Promise<'applied' | 'repaired' | 'unchanged'> {
    const isSame = text === this.#text;
    if (isSame && !(await this.isDrifted(signal))) return 'unchanged';
    const before = await this.counters(signal);
    const hadTable = this.#text !== undefined;
    try {
      await this.#run('nft', ['-f', '-'], { input: text, signal });
    } catch (cause) {
      const isRefusal = cause instanceof CommandError && cause.failure === 'exited';
      throw this.#error(isRefusal ? 'NatTableRefused' : 'NatToolFailed', 'load the packet rules', cause);
    }
    // What has gone from the text takes its count along: counters of a removed peer leave no series behind.
    const objects = await this.#list(signal);
    const names = new Set(objects?.flatMap(({ counter }) => (counter === undefined ? [] : [counter.name])));
    this.#before = new Map([...before].filter(([name]) => names.has(name)));
    this.#hash = hashOf(objects);
    this.#text = text;
    return isSame && hadTable ? 'repaired' : 'applied';
  }

  /** Whether the table is another one than `apply` left behind. False before the first `apply`. */
  async isDrifted(signal: AbortSignal): Promise<boolean> {
    if (this.#hash === undefined) return false;
    return hashOf(await this.#list(signal)) !== this.#hash;
  }

  /**
   * Named counters since this object's first `apply`, and what the table held by then; they do not go back when the
   * table is replaced. A table deleted by hand loses what was not read from it.
   */
  async counters(signal: AbortSignal): Promise<Map<string, Traffic>> {
    const result = new Map(this.#before);
    const objects = await this.#listing(['list', 'counters', 'table', ...this.#table], signal);
    for (const { counter } of objects ?? []) {
      if (counter === undefined) continue;
      const { packets = 0, bytes = 0 } = result.get(counter.name) ?? {};
      result.set(counter.name, { packets: packets + counter.packets, bytes: bytes + counter.bytes });
    }
    return result;
  }

  /** Removes the table. Safe in any state, twice, and after a crash. */
  async cleanup(signal: AbortSignal): Promise<void> {
    const name = this.#table.join(' ');
    const input = `add table ${name}\ndelete table ${name}\n`;
    try {
      await this.#run('nft', ['-f', '-'], { input, signal });
    } catch (cause) {
      throw this.#error('NatToolFailed', 'remove the packet rules', cause);
    }
    this.#text = undefined;
    this.#hash = undefined;
    this.#before.clear();
  }

  #list(signal: AbortSignal): Promise<ListedObject[] | undefined> {
    return this.#listing(['list', 'table', ...this.#table], signal);
  }

  /** `undefined` where there is no such table. */
  async #listing(args: readonly string[], signal: AbortSignal): Promise<ListedObject[] | undefined> {
    let result: CommandResult;
    try {
      result = await this.#run('nft', ['-j', ...args], { signal });
    } catch (cause) {
      const isMissing = cause instanceof CommandError && cause.stderr.includes('No such file or directory');
      if (isMissing && cause.failure === 'exited') return undefined;
      throw this.#error('NatToolFailed', 'read the packet rules', cause);
    }
    return parseListing(result.stdout, this.#table.join(' '));
  }

  #error(code: 'NatTableRefused' | 'NatToolFailed', attempted: string, cause: unknown): unknown {
    // An abort is the caller's own reason and stays what it is.
    if (!(cause instanceof CommandError)) return cause;
    return new NatError(code, { attempted, where: `table ${this.#table.join(' ')}`, why: cause.why }, { cause });
  }
}

function hashOf(objects: ListedObject[] | undefined): string {
  const text = objects === undefined ? 'missing' : JSON.stringify(objects.map(withoutTraffic));
  return createHash('sha256').update(text).digest('hex');
}
