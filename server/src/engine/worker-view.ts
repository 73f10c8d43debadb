import type { Action } from '../core/command.js';
import type { Execution } from '../core/execution.js';
import type { Payload } from '../core/payload.js';
import type { RetryPolicy } from '../core/retry.js';
import type { StepRecord } from '../core/step.js';
import type { SchemaKind } from '../store/store.js';
import type { ExecutionInput, StepPage } from './execution-view.js';
import type { SchemaReport } from './schema-view.js';

/** What a worker says of itself. */
export interface WorkerRegistration {
  readonly projectId: string;
  readonly workflows: readonly WorkflowDefinition[];
  /** Empty for all. */
  readonly queues: readonly string[];
  readonly deploymentId: string;
  readonly buildId: string;
  readonly sdkName: string;
  readonly sdkVersion: string;
  readonly identity: string;
  readonly maxConcurrentExecutions: number;
}

/** A workflow as a worker declares it. */
export interface WorkflowDefinition {
  readonly id: string;
  readonly description: string;
  readonly queue?: string;
  readonly schemas: Readonly<Partial<Record<SchemaKind, string>>>;
  /** Of the state's schema, if it has one; known once it is registered. */
  readonly stateSchemaDigest?: string;
  readonly retryPolicy?: RetryPolicy;
  readonly runTimeoutMs?: number;
  /** The version of its state's form; missing for 1. */
  readonly stateVersion?: number;
  /** How many executions of its queue may run at once; missing where it says nothing about it. */
  readonly queueConcurrencyLimit?: number;
  readonly schedule?: { readonly cron: string; readonly timezone: string };
  readonly trigger?: TriggerDeclaration;
  /** Paths of fields of its state by which executions are found, as `parseFieldPath` takes them. */
  readonly stateIndex?: readonly string[];
}

/** Which events start a workflow by themselves. */
export interface TriggerDeclaration {
  readonly topic: string;
  readonly batchSize: number;
  readonly batchTimeoutMs: number;
}

/** What came of a registration. */
export interface RegisteredWorker {
  readonly workerId: string;
  readonly leaseMs: number;
  readonly schemaReports: readonly SchemaReport[];
}

/** A worker as callers see it. */
export interface WorkerView extends WorkerRegistration {
  readonly id: string;
  readonly registeredAt: number;
  readonly lastSeenAt: number;
  readonly streaming: boolean;
  readonly runningExecutions: number;
}

/** A lease as a worker names it. */
export interface LeaseRef {
  readonly executionId: string;
  readonly epoch: number;
  readonly token: string;
}

/** An execution given to a worker. */
export interface Assignment {
  readonly lease: LeaseRef;
  readonly leaseExpiresAt: number;
  readonly execution: Execution;
  readonly input: ExecutionInput;
  /** The text of the state document. */
  readonly state: string;
  /** How many steps, the first of the order, are left out of `steps`; see Assignment.omitted_steps. */
  readonly omittedSteps: number;
  readonly steps: StepPage;
}

/** What a worker commits. */
export interface CompletionRequest {
  readonly lease: LeaseRef;
  readonly sequence: number;
  readonly digest: string;
  /** `start_child` actions come without what only the engine knows; see `WorkerAction`. */
  readonly actions: readonly WorkerAction[];
  readonly stateUnsettled: boolean;
}

/** An action as a worker sends it: a child's id, queue and policies are filled in by the engine. */
export type WorkerAction =
  | Exclude<Action, { type: 'start_child' | 'start_children' }>
  | {
      readonly type: 'start_children';
      readonly key: string;
      readonly waits: boolean;
      readonly children: readonly WorkerChild[];
    }
  | {
      readonly type: 'start_child';
      readonly key: string;
      readonly waits: boolean;
      readonly child: WorkerChild;
    };

/** A child as a worker asks for it; what is missing comes from the workflow's definition. */
export interface WorkerChild {
  readonly workflowId: string;
  readonly payload?: Payload;
  readonly initialState?: string;
  readonly queue?: string;
  readonly concurrencyKey?: string;
  readonly priority: number;
  readonly runTimeoutMs?: number;
  readonly retryPolicy?: RetryPolicy;
}

/** What came of a completion. */
export interface Completion {
  readonly execution: Execution;
  readonly outcomes: readonly StepRecord[];
}

/** What became of a lease. */
export interface LeaseReport {
  readonly executionId: string;
  readonly epoch: number;
  readonly held: boolean;
  readonly expiresAt?: number;
  readonly cancelRequested: boolean;
  readonly outcomes: readonly StepRecord[];
}

/** Where the engine sends what a Work stream should carry. Calls never throw and never wait. */
export interface WorkSink {
  assign(assignment: Assignment): void;
  notify(notice: WorkNotice): void;
}

/** News of an execution that a worker holds. */
export interface WorkNotice {
  readonly executionId: string;
  readonly epoch: number;
  readonly cancelRequested: boolean;
  readonly leaseLost: boolean;
  readonly outcomes: readonly StepRecord[];
}

/** An attached Work stream. */
export interface WorkSession {
  /** Allows `count` more assignments. */
  grant(count: number): void;
  /** The worker is alive. */
  touch(): void;
  /** No more assignments. */
  drain(): void;
  /** The stream is gone. Leases stay until they run out. */
  close(): void;
}
