import { ISOLATION_TABLE, isolationSets, NatTable, renderIsolationBridge, renderIsolationTable } from '#network/nat';
import type { IsolationMembers, IsolationState } from '#network/nat';
import { runCommand } from '#pkg/runtime';

/**
 * The rules that keep twins apart on one node: one table for what the node routes, and one for what its bridges carry,
 * where it has any. Calls must not overlap.
 */
export class IsolationTables {
  readonly #routed = new NatTable({ table: ISOLATION_TABLE });
  readonly #bridged = new NatTable({ table: ISOLATION_TABLE, family: 'bridge' });
  #applied = '';
  #hasBridge = false;

  /**
   * @param isCheck also what did not change is looked at and repaired
   * @returns whether something was repaired
   * @throws NatError `NatTableRefused` also where a node has bridges and its kernel no rules for them
   */
  async apply(
    state: IsolationState,
    members: IsolationMembers,
    isCheck: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const text = renderIsolationTable(state);
    const sets = isolationSets(state, members);
    if (text === this.#applied && !isCheck) {
      await this.#routed.updateSets(sets, signal);
      if (this.#hasBridge) await this.#bridged.updateSets(sets, signal);
      return false;
    }
    const outcomes = [await this.#routed.apply(text, signal, sets)];
    this.#hasBridge = await hasBridge(signal);
    if (this.#hasBridge) outcomes.push(await this.#bridged.apply(renderIsolationBridge(state), signal, sets));
    this.#applied = text;
    return outcomes.includes('repaired');
  }

  /** Removes both. Safe in any state, twice, and after a crash. */
  async cleanup(signal: AbortSignal): Promise<void> {
    this.#applied = '';
    await this.#routed.cleanup(signal);
    // A kernel that knows no rules for bridges has none of ours.
    if (await hasBridge(signal)) await this.#bridged.cleanup(signal);
  }
}

/** One that appears later is found at the next check. */
async function hasBridge(signal: AbortSignal): Promise<boolean> {
  const { stdout } = await runCommand('ip', ['-o', 'link', 'show', 'type', 'bridge'], { signal });
  return stdout.trim() !== '';
}
