import type { Execution, ExecutionStatus } from './execution.js';
import type { JournalEntry } from './journal.js';
import type { StateDocument, StateProblem } from './state-document.js';

/** An execution with its state: what a command is decided against. */
export interface Snapshot {
  readonly execution: Execution;
  readonly state: StateDocument;
}

/**
 * What a command comes to: the new snapshot to commit, with what it adds to the journal (nothing for a renewed lease or
 * an emptied outbox), or that nothing has to change, because it was carried out before or is moot.
 */
export type Decision =
  | {
      readonly type: 'commit';
      readonly next: Snapshot;
      readonly entry?: JournalEntry;
      readonly effects: readonly Effect[];
    }
  | { readonly type: 'unchanged' }
  | { readonly type: 'rejected'; readonly rejection: Rejection };

/** What the shell does once the decision is committed. */
export type Effect =
  /** A worker may take the execution now. */
  | { readonly type: 'ready' }
  /** The worker whose lease it was must stop. */
  | { readonly type: 'lease_revoked'; readonly workerId: string; readonly epoch: number }
  /** The worker that holds it is to be told that it was cancelled. */
  | { readonly type: 'cancel_requested'; readonly workerId: string; readonly epoch: number }
  /** The worker that holds it is to be given an outcome. */
  | {
      readonly type: 'outcome_arrived';
      readonly workerId: string;
      readonly epoch: number;
      readonly stepKey: string;
    }
  /** The outbox has messages. */
  | { readonly type: 'outbox' };

/** Why a command was refused. Nothing has changed. One table in rpc/ maps each to a status. */
export type Rejection =
  | { readonly type: 'already_exists' }
  | { readonly type: 'not_found' }
  | { readonly type: 'not_ready' }
  | { readonly type: 'lease_lost'; readonly epoch: number; readonly currentEpoch: number }
  | { readonly type: 'lease_forged' }
  | { readonly type: 'sequence_gap'; readonly expected: number; readonly got: number }
  | { readonly type: 'result_conflict'; readonly stepKey?: string; readonly message: string }
  | { readonly type: 'closed'; readonly status: ExecutionStatus }
  | { readonly type: 'worker_too_old'; readonly stateVersion: number }
  | { readonly type: 'running'; readonly workerId: string }
  | {
      readonly type: 'state_refused';
      readonly problem: StateProblem;
      /** Who made it. */
      readonly of: 'completion' | 'repair';
    }
  | { readonly type: 'state_revision_conflict'; readonly base: number; readonly current: number }
  | { readonly type: 'not_cancelled' }
  | { readonly type: 'limit'; readonly name: string; readonly limit: number; readonly actual: number }
  | { readonly type: 'malformed'; readonly message: string; readonly action: number };
