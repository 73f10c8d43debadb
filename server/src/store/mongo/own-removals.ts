import type { CommitResult } from '../store.js';
import { type RecordKey, recordKeyText } from './record-document.js';

/** How long a removal is remembered of which no news comes. */
const KEPT_MS = 60_000;

/**
 * The removals of records through this store. The news that a document was deleted does not say by whom, and nobody is
 * told of what his own store did: so each removal is remembered until there is news of it.
 */
export class OwnRemovals {
  private readonly removals = new Map<string, Promise<CommitResult>[]>();

  /** Remembers a removal that is under way, for as long as it may be news. */
  remember(key: RecordKey, removing: Promise<CommitResult>): void {
    const text = recordKeyText(key);
    this.removals.set(text, [...(this.removals.get(text) ?? []), removing]);
    const forgetLater = () => setTimeout(() => this.forget(text, removing), KEPT_MS).unref();
    removing.then(forgetLater, forgetLater);
  }

  /**
   * Whether the news that a record was removed is of one of these, which is then forgotten. Waits for those under way; one
   * of which nobody knows whether it happened is not ours to hide.
   */
  async isOwn(key: RecordKey): Promise<boolean> {
    const text = recordKeyText(key);
    for (const removing of this.removals.get(text) ?? []) {
      const result = await removing.catch(() => undefined);
      if (result === 'committed' && this.forget(text, removing)) return true;
    }
    return false;
  }

  /** @returns whether it was remembered. */
  private forget(text: string, removing: Promise<CommitResult>): boolean {
    const remembered = this.removals.get(text) ?? [];
    const others = remembered.filter((other) => other !== removing);
    if (others.length > 0) this.removals.set(text, others);
    else this.removals.delete(text);
    return others.length < remembered.length;
  }
}
