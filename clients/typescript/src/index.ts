export {
  AccessDeniedError,
  ExecutionClosedError,
  IdempotencyMismatchError,
  InvalidArgumentError,
  LimitExceededError,
  NotFoundError,
  PolosApiError,
  ResultConflictError,
  type StatusName,
  UnavailableError,
} from './api-errors.js';
export { PolosClient } from './client.js';
export type { PolosClientConfig, PolosConnection } from './config.js';
export type { WorkflowContext } from './context.js';
export {
  DuplicateStepKeyError,
  InvalidStepError,
  NonDeterminismError,
  PayloadSizeError,
  PayloadValidationError,
  PolosError,
  RemoteError,
  ResultValidationError,
  SerializationError,
  StateConflictError,
  StateSizeError,
  StateValidationError,
  StepExecutionError,
  StepTimeoutError,
  WaitTimeoutError,
  WorkflowCancelledError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowTimeoutError,
} from './errors.js';
export type { ExecutionInfo, ExecutionStatus, ExecutionStatusReason } from './execution.js';
export type { EventsOptions, ExecutionEvent } from './execution-event.js';
export { ExecutionHandle } from './execution-handle.js';
export type { StateSnapshot } from './executions.js';
export { Invocation, type InvokeOptions, type RunOptions } from './invocation.js';
export type { Issue } from './issue.js';
export { createLogger, type Logger } from './logger.js';
export { Polos, type PolosConfig } from './polos.js';
export { createWorkflowRegistry, globalRegistry, type WorkflowRegistry } from './registry.js';
export type { JsonObject, JsonValue } from './state/json.js';
export type {
  ChildHandle,
  ChildOptions,
  ChildRequest,
  ErrorClass,
  PublishedEvent,
  StepAttempt,
  StepOptions,
  Steps,
  SuspendOptions,
  WaitDuration,
} from './step.js';
export { Worker, type WorkerConfig, type WorkerState } from './worker.js';
export {
  type AnyWorkflow,
  type DefineOptions,
  defineWorkflow,
  type OpenState,
  type PayloadArguments,
  type QueueConfig,
  type Workflow,
  type WorkflowConfig,
  type WorkflowHandler,
} from './workflow.js';
