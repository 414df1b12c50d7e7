import { createHash } from 'node:crypto';
import { CommandError, type CommandResult, runCommand } from '#pkg/runtime';
import { NatError } from './errors.ts';
import { elementText, type ListedObject, parseListing, withoutElements, withoutTraffic } from './listing.ts';
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
  /** Elements of the sets whose elements are not in the text, as they were loaded. */
  #sets = new Map<string, ReadonlySet<string>>();

  constructor({ table = 'tombolo', family = 'inet', run = runCommand }: NatTableOptions = {}) {
    this.#table = [family, table];
    this.#run = run;
  }

  /**
   * Makes the table be what `text` says, in one transaction; on failure the old one stands. Idempotent: the same text
   * again loads nothing unless somebody changed the table meanwhile, which then is `repaired`.
   * @param sets elements of named sets that the text leaves empty; loaded in the same transaction
   * @throws NatError `NatTableRefused`, `NatToolFailed` (both retryable)
   */
  async apply(
    text: string,
    signal: AbortSignal,
    sets: ReadonlyMap<string, readonly string[]> = new Map(),
  ): Promise<'applied' | 'repaired' | 'unchanged'> {
    const isSame = text === this.#text;
    if (isSame && !(await this.isDrifted(signal))) {
      return (await this.updateSets(sets, signal)) ? 'applied' : 'unchanged';
    }
    const before = await this.counters(signal);
    const hadTable = this.#text !== undefined;
    try {
      const filled = [...sets].flatMap(([name, elements]) => this.#elements('add', name, elements));
      await this.#run('nft', ['-f', '-'], { input: text + filled.join(''), signal });
    } catch (cause) {
      throw this.#loadError('load the packet rules', cause);
    }
    this.#sets = asSets(sets);
    // What has gone from the text takes its count along: counters of a removed peer leave no series behind.
    const objects = await this.#list(signal);
    const names = new Set(objects?.flatMap(({ counter }) => (counter === undefined ? [] : [counter.name])));
    this.#before = new Map([...before].filter(([name]) => names.has(name)));
    this.#hash = hashOf(objects, this.#sets);
    this.#text = text;
    return isSame && hadTable ? 'repaired' : 'applied';
  }

  /** Whether the table is another one than `apply` left behind. False before the first `apply`. */
  async isDrifted(signal: AbortSignal): Promise<boolean> {
    if (this.#hash === undefined) return false;
    const objects = await this.#list(signal);
    return hashOf(objects, this.#sets) !== this.#hash || !holds(objects ?? [], this.#sets);
  }

  /**
   * Changes the elements of sets, and nothing else of the table: for what changes often. Only what differs from the last
   * call is told to the kernel, in one transaction.
   * @returns whether something was told
   * @throws NatError `NatTableRefused`, `NatToolFailed` (both retryable); then `apply` finds what is wrong
   */
  async updateSets(sets: ReadonlyMap<string, readonly string[]>, signal: AbortSignal): Promise<boolean> {
    const wanted = asSets(sets);
    const lines = [...wanted].flatMap(([name, elements]) => {
      const standing = this.#sets.get(name) ?? new Set<string>();
      return [
        ...this.#elements('delete', name, [...standing.difference(elements)]),
        ...this.#elements('add', name, [...elements.difference(standing)]),
      ];
    });
    if (lines.length === 0) return false;
    try {
      await this.#run('nft', ['-f', '-'], { input: lines.join(''), signal });
    } catch (cause) {
      throw this.#loadError('change the addresses of the packet rules', cause);
    }
    this.#sets = wanted;
    return true;
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
    this.#sets.clear();
  }

  #elements(verb: 'add' | 'delete', set: string, elements: readonly string[]): string[] {
    if (elements.length === 0) return [];
    return [`${verb} element ${this.#table.join(' ')} ${set} { ${elements.join(', ')} }\n`];
  }

  #loadError(attempted: string, cause: unknown): unknown {
    const isRefusal = cause instanceof CommandError && cause.failure === 'exited';
    return this.#error(isRefusal ? 'NatTableRefused' : 'NatToolFailed', attempted, cause);
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

function asSets(sets: ReadonlyMap<string, readonly string[]>): Map<string, ReadonlySet<string>> {
  return new Map([...sets].map(([name, elements]) => [name, new Set(elements)]));
}

/** Whether the listed sets have exactly these elements. */
function holds(objects: readonly ListedObject[], sets: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  return [...sets].every(([name, elements]) => {
    const listed = objects.find(({ set }) => set?.name === name)?.set?.elem ?? [];
    return listed.length === elements.size && listed.every((element) => elements.has(elementText(element)));
  });
}

function hashOf(objects: ListedObject[] | undefined, sets: ReadonlyMap<string, unknown>): string {
  const text =
    objects === undefined
      ? 'missing'
      : JSON.stringify(objects.map((object) => withoutTraffic(withoutElements(object, sets))));
  return createHash('sha256').update(text).digest('hex');
}
