import type { Execution } from '../core/execution.js';
import type { JournalEntry } from '../core/journal.js';

/** A committed change, as those who follow the execution see it. */
export interface Change {
  readonly execution: Execution;
  /** Missing if only the result is known, not the commits that led to it. */
  readonly entry?: JournalEntry;
}

/** Tells those who wait for an execution that something of it was committed. It holds no history: they read the store. */
export class Watchers {
  private readonly byExecution = new Map<string, Set<(change: Change) => void>>();
  private readonly ofAll = new Set<(change: Change) => void>();

  /** Calls `listener` after each commit from now on; returns how to stop that. */
  watch(executionId: string, listener: (change: Change) => void): () => void {
    const listeners = this.byExecution.get(executionId) ?? new Set();
    this.byExecution.set(executionId, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.byExecution.get(executionId) === listeners)
        this.byExecution.delete(executionId);
    };
  }

  /** The same for whatever execution this server commits to; those of others are not told of for that. */
  watchAll(listener: (change: Change) => void): () => void {
    this.ofAll.add(listener);
    return () => this.ofAll.delete(listener);
  }

  /** Every execution that somebody watches; not with `watchAll`. */
  watched(): Iterable<string> {
    return this.byExecution.keys();
  }

  isWatched(executionId: string): boolean {
    return this.byExecution.has(executionId);
  }

  notify(change: Change): void {
    for (const listener of this.ofAll) listener(change);
    const listeners = this.byExecution.get(change.execution.id);
    if (!listeners) return;
    for (const listener of [...listeners]) listener(change);
  }
}
