import type { ChildOptions } from './step.js';
import type { AnyWorkflow } from './workflow.js';

/** A workflow, or the id of one in any language. */
export type WorkflowTarget = AnyWorkflow | string;

/** The types that a workflow was defined with; unknown for an id. */
type TypesOf<W> = W extends { readonly '~types'?: infer Types } ? NonNullable<Types> : unknown;

type MemberOf<Types, Name extends string> =
  Types extends Readonly<Record<Name, infer Member>> ? Member : unknown;

type InputOf<W> = MemberOf<TypesOf<W>, 'input'>;

/** The state of a workflow; unknown for an id. */
export type StateOf<W> = MemberOf<TypesOf<W>, 'state'>;

/** What a workflow's handler returns; unknown for an id. */
export type ResultOf<W> = MemberOf<TypesOf<W>, 'result'>;

/** The payload may be left out if it may be undefined. */
type WithPayload<Input> = undefined extends Input
  ? { readonly payload?: Input | undefined }
  : { readonly payload: Input };

/** A workflow and its payload. */
export type TargetWithPayload<W extends WorkflowTarget> = {
  /** What to start. */
  readonly workflow: W;
} & WithPayload<InputOf<W>>;

/** One child of a batch: its workflow, payload and options. Each may be of another workflow. */
export type BatchWorkflowInput<W extends WorkflowTarget = WorkflowTarget> = TargetWithPayload<W> &
  ChildOptions<Partial<StateOf<W>>>;

/** The items of a batch, each with the types of its own workflow. */
export type BatchItems<Targets extends readonly WorkflowTarget[]> = {
  readonly [Index in keyof Targets]: BatchWorkflowInput<Targets[Index]>;
};

/** Why a child of a batch did not complete. Plain data. */
export interface BatchStepError {
  /** The type of what its handler threw, "WorkflowCancelledError" or "WorkflowTimeoutError". */
  readonly type: string;
  /** Its message; cut short where many fail. The execution itself has the whole: `client.getExecution(executionId)`. */
  readonly message: string;
}

/** What one child of a batch came to. Plain JSON data, so that it can be kept in the state or returned. */
export type BatchStepResult<TResult = unknown> = BatchStepSuccess<TResult> | BatchStepFailure;

/** The child completed. */
export interface BatchStepSuccess<TResult> {
  readonly workflowId: string;
  readonly executionId: string;
  readonly success: true;
  /** What its handler returned; undefined for no value. */
  readonly result: TResult;
  readonly error?: undefined;
}

/** The child failed, was cancelled or timed out. */
export interface BatchStepFailure {
  readonly workflowId: string;
  readonly executionId: string;
  readonly success: false;
  readonly result?: undefined;
  readonly error: BatchStepError;
}

/** What the children of a batch came to, in the order of its items. */
export type BatchResults<Targets extends readonly WorkflowTarget[]> = {
  -readonly [Index in keyof Targets]: BatchStepResult<ResultOf<Targets[Index]>>;
};
