export {
  AccessDeniedError,
  EventsDeletedError,
  ExecutionClosedError,
  ExecutionRunningError,
  IdempotencyMismatchError,
  InvalidArgumentError,
  LimitExceededError,
  NotFoundError,
  PolosApiError,
  ResultConflictError,
  type StatusName,
  UnavailableError,
} from './api-errors.js';
export type {
  AutomaticStarts,
  BatchEventPayload,
  EventTriggerPayload,
  ScheduleConfig,
  SchedulePayload,
} from './automatic-starts.js';
export type {
  BatchItems,
  BatchResults,
  BatchStepError,
  BatchStepFailure,
  BatchStepResult,
  BatchStepSuccess,
  BatchWorkflowInput,
  WorkflowTarget,
} from './batch.js';
export {
  type BatchHandles,
  BatchInvokeError,
  type BatchInvokeOptions,
  batchInvoke,
  type ClientBatchItems,
  type ClientBatchWorkflowInput,
} from './batch-invoke.js';
export { PolosClient } from './client.js';
export type { PolosClientConfig, PolosConnection } from './config.js';
export type { WorkflowContext } from './context.js';
export {
  BatchSizeError,
  DuplicateStepKeyError,
  HookExecutionError,
  InvalidStepError,
  NonDeterminismError,
  PayloadSizeError,
  PayloadValidationError,
  PolosError,
  RemoteError,
  ResultValidationError,
  SerializationError,
  StateConflictError,
  StateMigrationError,
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
export type { StreamOptions } from './event-stream.js';
export type { EventsApi, PublishOptions, StreamTopicOptions } from './events-api.js';
export type { ExecutionInfo, ExecutionStatus, ExecutionStatusReason } from './execution.js';
export type { EventsOptions, ExecutionEvent } from './execution-event.js';
export { ExecutionHandle } from './execution-handle.js';
export type { ListExecutionsOptions } from './execution-list.js';
export type {
  PatchOptions,
  StateOptions,
  StateReader,
  StateRevision,
  StateSnapshot,
  WatchedState,
  WatchOptions,
} from './execution-state.js';
export {
  type DefineHookOptions,
  defineHook,
  type Hook,
  type HookContext,
  type HookHandler,
  type HookPhase,
  HookResult,
  type HookResultType,
  type Hooks,
  isHook,
} from './hook.js';
export { Invocation, type InvokeOptions, type RunOptions } from './invocation.js';
export type { Issue } from './issue.js';
export { createLogger, type Logger } from './logger.js';
export type { StateVersions } from './migrations.js';
export { Polos, type PolosConfig } from './polos.js';
export { Queue, type QueueConfig, type QueueOptions } from './queue.js';
export { createWorkflowRegistry, globalRegistry, type WorkflowRegistry } from './registry.js';
export { type ScheduleInfo, type ScheduleOptions, SchedulesApi } from './schedules.js';
export type { JsonObject, JsonValue } from './state/json.js';
export type { PatchOperation } from './state/patch.js';
export type {
  ChildHandle,
  ChildOptions,
  ChildRequest,
  ErrorClass,
  PublishEventOptions,
  PublishedEvent,
  ResumeOptions,
  StepAttempt,
  StepOptions,
  Steps,
  SuspendOptions,
  WaitDuration,
  WaitForEventOptions,
} from './step.js';
export type { EventData, EventPayload, TopicEvent } from './topic-event.js';
export { Worker, type WorkerConfig, type WorkerState } from './worker.js';
export {
  type AnyWorkflow,
  type DefineOptions,
  defineWorkflow,
  type OpenState,
  type PayloadArguments,
  type Workflow,
  type WorkflowConfig,
  type WorkflowHandler,
} from './workflow.js';
