import { AsyncResource } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { BatchWorkflowInput } from './batch.js';
import { readTargets, toBatchCommand } from './batch-command.js';
import { readChildArguments, toChildCommand } from './child-command.js';
import { InvalidStepError } from './errors.js';
import { publishEventCommand, waitForEventCommand } from './event-command.js';
import { StepKind } from './gen/polos/v1/step_pb.js';
import { publishCommand } from './publish-command.js';
import { resumeCommand } from './resume-command.js';
import type {
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
import type { RunWork, StepRequest } from './step-request.js';
import { suspendCommand, waitForCommand, waitUntilCommand } from './wait-command.js';
import { toTarget } from './workflow-target.js';

/** Asks the runtime for a step; resolves with its outcome once it is delivered. */
export type AskStep = (kind: StepKind, key: string, work: StepRequest['work']) => Promise<unknown>;

/** Makes `ctx.step`: each method says what it wants, the runtime decides when. */
export function createSteps(ask: AskStep): Steps {
  const child = async (kind: StepKind, key: string, workflow: unknown, rest: readonly unknown[]) => {
    const target = toTarget(workflow);
    const toCommand = () =>
      toChildCommand(key, target, readChildArguments(rest), kind === StepKind.INVOKE_AND_WAIT);
    const workflowId = typeof target === 'string' ? target : target.id;
    return ask(kind, key, { type: 'child', workflowId, toCommand });
  };
  const batch = async (kind: StepKind, key: string, items: readonly BatchWorkflowInput[]) => {
    const workflowIds = readTargets(key, items);
    if (workflowIds.length === 0) return [];
    const toCommand = () => toBatchCommand(key, items, kind === StepKind.BATCH_INVOKE_AND_WAIT);
    return ask(kind, key, { type: 'batch', workflowIds, toCommand });
  };
  const steps = {
    run: async (key: string, run: (attempt: StepAttempt) => unknown, options?: StepOptions) =>
      ask(StepKind.RUN, key, toWork(run, options)),
    invokeAndWait: (key: string, workflow: unknown, ...rest: unknown[]) =>
      child(StepKind.INVOKE_AND_WAIT, key, workflow, rest),
    invoke: (key: string, workflow: unknown, ...rest: unknown[]) =>
      child(StepKind.INVOKE, key, workflow, rest),
    batchInvokeAndWait: (key: string, items: readonly BatchWorkflowInput[]) =>
      batch(StepKind.BATCH_INVOKE_AND_WAIT, key, items),
    batchInvoke: (key: string, items: readonly BatchWorkflowInput[]) =>
      batch(StepKind.BATCH_INVOKE, key, items),
    waitFor: (key: string, duration: WaitDuration) =>
      ask(StepKind.WAIT_FOR, key, { type: 'wait', toCommand: () => waitForCommand(key, duration) }),
    waitUntil: (key: string, time: Date | number) =>
      ask(StepKind.WAIT_FOR, key, { type: 'wait', toCommand: () => waitUntilCommand(key, time, Date.now()) }),
    suspend: (key: string, options?: SuspendOptions) =>
      ask(StepKind.SUSPEND, key, { type: 'wait', toCommand: () => suspendCommand(key, options) }),
    resume: (key: string, options: ResumeOptions) =>
      ask(StepKind.RESUME, key, { type: 'wait', toCommand: () => resumeCommand(key, options) }),
    waitForEvent: (key: string, options: WaitForEventOptions) =>
      ask(StepKind.WAIT_FOR_EVENT, key, { type: 'wait', toCommand: () => waitForEventCommand(key, options) }),
    publishEvent: (key: string, event: PublishEventOptions) =>
      ask(StepKind.PUBLISH_EVENT, key, { type: 'publish', toCommand: () => publishEventCommand(key, event) }),
    publishWorkflowEvent: (key: string, event: PublishedEvent) =>
      ask(StepKind.PUBLISH_EVENT, key, { type: 'publish', toCommand: () => publishCommand(key, event) }),
    uuid: (key: string) => ask(StepKind.UUID, key, { type: 'value', make: randomUUID }),
    now: (key: string) => ask(StepKind.NOW, key, { type: 'value', make: Date.now }),
    random: (key: string) => ask(StepKind.RANDOM, key, { type: 'value', make: Math.random }),
  };
  // The types of results are the caller's word: what the record holds was made by the same code.
  return steps as Steps;
}

function toWork(run: unknown, options: StepOptions = {}): RunWork {
  if (typeof run !== 'function') throw new InvalidStepError('step.run needs a function');
  const { maxRetries = 2, baseDelay = 1_000, maxDelay = 10_000, nonRetryable = [] } = options;
  const { timeout, heartbeatTimeout } = options;
  if (!Number.isInteger(maxRetries) || maxRetries < 0 || maxRetries > 1_000) {
    throw new InvalidStepError('maxRetries must be an integer from 0 to 1,000');
  }
  const times = { baseDelay, maxDelay, timeout, heartbeatTimeout };
  for (const [name, ms] of Object.entries(times)) {
    if (ms === undefined || isDelay(ms)) continue;
    throw new InvalidStepError(`${name} must be milliseconds, from 0 to 2^31-1`);
  }
  // Not AsyncLocalStorage.snapshot(): on Node 20 it makes a deprecation wrapper each time, some 20 µs.
  const resource = new AsyncResource('polos.step');
  const inContext = <T>(call: () => T): T => resource.runInAsyncScope(call);
  return { type: 'run', run: run as RunWork['run'], inContext, maxRetries, nonRetryable, ...times };
}

/** setTimeout fires at once for longer times. */
function isDelay(ms: number): boolean {
  return typeof ms === 'number' && ms >= 0 && ms < 2 ** 31;
}
