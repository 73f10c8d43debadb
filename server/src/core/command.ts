import type { PublishedEvent } from './event.js';
import type { NewExecution } from './execution.js';
import type { Failure } from './failure.js';
import type { JsonValue } from './json.js';
import type { Payload } from './payload.js';
import type { RetryPolicy } from './retry.js';
import type { PatchOperation, StateDocument } from './state-document.js';
import type { StepAttempt, StepKind, StepOutcome, StepRecord } from './step.js';

/** What can be asked of an execution. Each carries its time (`at`, milliseconds since 1970) and the ids it may need. */
export type Command =
  | CreateCommand
  | ClaimCommand
  | CompleteCommand
  | ExtendLeaseCommand
  | ReleaseLeaseCommand
  | WakeCommand
  | CancelCommand
  | ChildClosedCommand
  | ChildrenClosedCommand
  | EventArrivedCommand
  | ResumeCommand
  | PauseCommand
  | UnpauseCommand
  | PatchStateCommand
  | GrantSlotCommand
  | RevokeSlotCommand
  | OutboxDeliveredCommand;

/** The types of commands, for tables and tests. */
export const COMMAND_TYPES = [
  'create',
  'claim',
  'complete',
  'extend_lease',
  'release_lease',
  'wake',
  'cancel',
  'child_closed',
  'children_closed',
  'event_arrived',
  'resume',
  'pause',
  'unpause',
  'patch_state',
  'grant_slot',
  'revoke_slot',
  'outbox_delivered',
] as const satisfies readonly Command['type'][];

/** Creates the execution. `state` is its initial state, checked already, or the empty one. */
export interface CreateCommand {
  readonly type: 'create';
  readonly at: number;
  readonly request: NewExecution;
  readonly state: StateDocument;
  /** Whether its queue's concurrency is limited. */
  readonly isLimited?: boolean;
  /** The version of its state's form, if a worker has declared one. */
  readonly stateVersion?: number;
}

/** Gives the execution to a worker until `at + leaseMs`. */
export interface ClaimCommand {
  readonly type: 'claim';
  readonly at: number;
  readonly workerId: string;
  /** Fresh, and unguessable. */
  readonly token: string;
  readonly leaseMs: number;
  /** The version of the state's form that the worker's code wants; missing for 1. */
  readonly stateVersion?: number;
  /** What the worker's definition of the workflow says where the caller said nothing. */
  readonly defaults?: { readonly retryPolicy?: RetryPolicy; readonly runTimeoutMs?: number };
  /** Whether its queue's concurrency is limited: without a slot it is not leased, but begins to wait for one. */
  readonly isLimited?: boolean;
}

/** Commits what came of an assignment. */
export interface CompleteCommand {
  readonly type: 'complete';
  readonly at: number;
  readonly epoch: number;
  readonly token: string;
  /** 1 for the first completion under the lease, one more for each next. */
  readonly sequence: number;
  /** Of the actions, to tell a repetition from another use of the sequence. */
  readonly digest: string;
  readonly actions: readonly Action[];
  readonly stateUnsettled: boolean;
  /** The digest of the schema that the state was checked against, if the actions change it and there is one. */
  readonly stateSchema?: string;
  /** The steps named by the actions that are recorded already. */
  readonly recorded: ReadonlyMap<string, StepRecord>;
}

/** One command of a CompleteStep request. The actions of one request happen all or not at all, in order. */
export type Action =
  | {
      readonly type: 'record_step';
      readonly key: string;
      readonly kind: StepKind;
      readonly outcome: StepOutcome;
      readonly attempts: readonly StepAttempt[];
      readonly statePatch?: string;
    }
  | {
      readonly type: 'start_child';
      readonly key: string;
      readonly waits: boolean;
      readonly child: ChildRequest;
    }
  | {
      readonly type: 'start_children';
      readonly key: string;
      readonly waits: boolean;
      readonly children: readonly ChildRequest[];
    }
  | { readonly type: 'await_timer'; readonly key: string; readonly until: number }
  | { readonly type: 'await_timer'; readonly key: string; readonly delayMs: number }
  | {
      readonly type: 'await_resume';
      readonly key: string;
      /** For whoever resumes it. */
      readonly data?: JsonValue;
      readonly timeoutMs?: number;
    }
  | {
      readonly type: 'await_event';
      readonly key: string;
      readonly topic: string;
      /** Only events after this one; missing for those that it was not given yet. */
      readonly afterEvent?: number;
      readonly timeoutMs?: number;
    }
  | {
      readonly type: 'publish_event';
      readonly key: string;
      /** Missing for the execution's own events. */
      readonly topic?: string;
      readonly event: PublishedEvent;
    }
  | {
      readonly type: 'send_resume';
      readonly key: string;
      readonly executionId: string;
      readonly suspendedStepKey: string;
      readonly data?: Payload;
    }
  | { readonly type: 'accept_outcome'; readonly key: string }
  | {
      readonly type: 'change_state';
      readonly baseRevision: number;
      readonly change: { readonly patch: readonly PatchOperation[] } | { readonly document: StateDocument };
    }
  | {
      readonly type: 'migrate_state';
      readonly baseRevision: number;
      readonly fromVersion: number;
      readonly toVersion: number;
      readonly document: StateDocument;
    }
  | { readonly type: 'park_execution'; readonly failure: Failure }
  | { readonly type: 'complete_execution'; readonly result?: Payload }
  | { readonly type: 'fail_execution'; readonly failure: Failure }
  | {
      readonly type: 'suspend_execution';
      /** Whether the worker keeps the code in memory, where it stands. */
      readonly isKept: boolean;
    }
  | { readonly type: 'cancel_execution' };

/** What a parent says of its child; the rest comes from the parent. */
export interface ChildRequest {
  /** Fresh: used only if the step has no child yet. */
  readonly id: string;
  readonly workflowId: string;
  readonly queue: string;
  readonly payload?: Payload;
  readonly initialState?: string;
  readonly concurrencyKey?: string;
  readonly priority: number;
  readonly runTimeoutMs?: number;
  readonly retryPolicy?: RetryPolicy;
}

/** Renews a lease: it then lasts its full duration from `at`. */
export interface ExtendLeaseCommand {
  readonly type: 'extend_lease';
  readonly at: number;
  readonly epoch: number;
  readonly token: string;
}

/** Says that nothing runs under a lease any more which was taken from its worker. */
export interface ReleaseLeaseCommand {
  readonly type: 'release_lease';
  readonly at: number;
  readonly epoch: number;
  readonly token: string;
}

/** Does whatever has become due by `at`: start, timeout, the end of a lease or of the grace after a cancel request. */
export interface WakeCommand {
  readonly type: 'wake';
  readonly at: number;
}

/** Asks the execution to end. */
export interface CancelCommand {
  readonly type: 'cancel';
  readonly at: number;
}

/** Tells a parent what became of the child that its step waits for. */
export interface ChildClosedCommand {
  readonly type: 'child_closed';
  readonly at: number;
  readonly stepKey: string;
  readonly childExecutionId: string;
  readonly outcome: StepOutcome;
}

/** Tells a parent what became of children of a batch that its step waits for. */
export interface ChildrenClosedCommand {
  readonly type: 'children_closed';
  readonly at: number;
  readonly stepKey: string;
  readonly closed: readonly ClosedChild[];
  /** What is recorded of the step, if anything is. */
  readonly recorded?: StepRecord | undefined;
}

/** What became of one child of a batch. */
export interface ClosedChild {
  /** Its place among the children. */
  readonly index: number;
  readonly childExecutionId: string;
  readonly outcome: StepOutcome;
}

/** Gives a step the event that it waits for. */
export interface EventArrivedCommand {
  readonly type: 'event_arrived';
  readonly at: number;
  readonly stepKey: string;
  readonly topic: string;
  readonly sequence: number;
  /** What the step's result is. */
  readonly result: Payload;
}

/** Holds the execution back from workers. */
export interface PauseCommand {
  readonly type: 'pause';
  readonly at: number;
}

/** Ends a pause. */
export interface UnpauseCommand {
  readonly type: 'unpause';
  readonly at: number;
}

/** Changes the state in an operator's name. */
export interface PatchStateCommand {
  readonly type: 'patch_state';
  readonly at: number;
  /** The revision that the patch is against. */
  readonly expectedRevision: number;
  readonly patch: readonly PatchOperation[];
  /** Of the patch, to tell a repetition from another repair. */
  readonly digest: string;
  readonly reason: string;
  readonly author: string;
}

/** Gives the execution the slot that it waits for. */
export interface GrantSlotCommand {
  readonly type: 'grant_slot';
  readonly at: number;
  readonly turn: number;
}

/** Takes a slot back that the execution has no use for now, since no worker is there for it. */
export interface RevokeSlotCommand {
  readonly type: 'revoke_slot';
  readonly at: number;
  readonly turn: number;
}

/** Gives a step that waits, or will, to be resumed its result. */
export interface ResumeCommand {
  readonly type: 'resume';
  readonly at: number;
  readonly stepKey: string;
  readonly data?: Payload;
  /** What is recorded of the step, if anything is. */
  readonly recorded?: StepRecord | undefined;
}

/** Takes delivered messages out of the outbox: all up to `upTo`. */
export interface OutboxDeliveredCommand {
  readonly type: 'outbox_delivered';
  readonly at: number;
  readonly upTo: number;
  /** What became of messages that steps wait for. */
  readonly answers: readonly { readonly stepKey: string; readonly outcome: StepOutcome }[];
}
