import { create, toBinary } from '@bufbuild/protobuf';
import { PolosApiError } from './api-errors.js';
import type { ResultOf, StateOf, TargetWithPayload, WorkflowTarget } from './batch.js';
import type { PolosClient } from './client.js';
import { PolosError } from './errors.js';
import type { ExecutionHandle } from './execution-handle.js';
import { createExecutionId } from './execution-id.js';
import {
  BatchInvokeRequestSchema,
  type BatchInvokeResponse_Item,
  type InvokeRequest,
  InvokeRequestSchema,
  WorkflowService,
} from './gen/polos/v1/workflow_service_pb.js';
import type { InvokeOptions } from './invocation.js';
import { toInvokeRequest } from './invoke-request.js';
import { pause, retryDelayMs } from './retry.js';
import { fromStatus } from './status.js';
import { isConnectionTrouble, type Transport } from './transport.js';
import { toTarget } from './workflow-target.js';

/** What all executions of a batch have in common. */
export interface BatchInvokeOptions {
  /** The session they belong to. Default: a fresh UUID for each. */
  readonly sessionId?: string | undefined;
  /** The user on whose behalf they run. */
  readonly userId?: string | undefined;
}

/** One execution of a batch: its workflow, payload and options. Each may be of another workflow. */
export type ClientBatchWorkflowInput<W extends WorkflowTarget = WorkflowTarget> = TargetWithPayload<W> &
  Omit<InvokeOptions<Partial<StateOf<W>>>, keyof BatchInvokeOptions>;

/** The items of a batch, each with the types of its own workflow. */
export type ClientBatchItems<Targets extends readonly WorkflowTarget[]> = {
  readonly [Index in keyof Targets]: ClientBatchWorkflowInput<Targets[Index]>;
};

/** Handles of the executions of a batch, in the order of its items, each with the result of its own workflow. */
export type BatchHandles<Targets extends readonly WorkflowTarget[]> = {
  -readonly [Index in keyof Targets]: ExecutionHandle<ResultOf<Targets[Index]>>;
};

/**
 * Some executions of a batch could not be started; all others were. `cause` is the error of the first. An execution whose
 * error is an UnavailableError may have been started after all.
 */
export class BatchInvokeError extends PolosError {
  static {
    BatchInvokeError.prototype.name = 'BatchInvokeError';
  }

  /** Why, by place among the items. */
  readonly errors: ReadonlyMap<number, Error>;
  /** The ids in the order of the items; undefined for those that could not be started. */
  readonly executionIds: readonly (string | undefined)[];

  constructor(executionIds: readonly (string | undefined)[], errors: ReadonlyMap<number, Error>) {
    const [[index, cause] = [0, undefined]] = errors;
    const message = `${errors.size} of ${executionIds.length} executions could not be started; item ${index}: ${cause?.message}`;
    super(message, { cause });
    this.executionIds = executionIds;
    this.errors = errors;
  }
}

/** Items and bytes of one request; the server takes 10,000 and 4,194,304. */
const ITEMS_MAX = 1_000;
const BYTES_MAX = 3_145_728;

/** What a request takes besides its message: the tag and length of each. */
const ITEM_BYTES = 8;

/** How long items are sent again that a server could not start for a reason of its own, and how fast, in milliseconds. */
const TRYING_MS = 30_000;
const RETRY_DELAYS = { baseDelay: 100, maxDelay: 1_000 };

/**
 * Starts executions, one for each item.
 * @returns their ids. @throws as `PolosClient.batchInvoke`.
 */
export async function invokeAll(
  transport: Transport,
  items: readonly ClientBatchWorkflowInput[],
  options: BatchInvokeOptions & { readonly deploymentId: string | undefined },
): Promise<readonly string[]> {
  const requests = await toRequests(items, options);
  const ids: (string | undefined)[] = [];
  const errors = new Map<number, Error>();
  for (const some of inPortions(requests)) {
    const answers = await invokeSome(transport, some).catch((error: Error) =>
      requests.slice(ids.length).map(() => error),
    );
    for (const answer of answers) {
      if (answer instanceof Error) errors.set(ids.length, answer);
      ids.push(answer instanceof Error ? undefined : answer);
    }
    // The request failed as a whole: so would the next one.
    if (ids.length === requests.length) break;
  }
  if (errors.size > 0) throw new BatchInvokeError(ids, errors);
  return ids as readonly string[];
}

/** As the public Polos SDK has it: `client.batchInvoke` as a function. */
export function batchInvoke<const Targets extends readonly WorkflowTarget[]>(
  client: PolosClient,
  items: ClientBatchItems<Targets>,
  sessionId?: string,
  userId?: string,
): Promise<BatchHandles<Targets>> {
  return client.batchInvoke<Targets>(items, { sessionId, userId });
}

async function toRequests(
  items: readonly ClientBatchWorkflowInput[],
  { deploymentId, ...common }: BatchInvokeOptions & { readonly deploymentId: string | undefined },
): Promise<readonly InvokeRequest[]> {
  const requests: InvokeRequest[] = [];
  for (const [index, { workflow, payload, ...options }] of items.entries()) {
    const surroundings = {
      executionId: options.idempotencyKey === undefined ? createExecutionId(Date.now()) : undefined,
      deploymentId,
      of: ` of item ${index}`,
    };
    requests.push(
      await toInvokeRequest(toTarget(workflow), payload, { ...options, ...common }, surroundings),
    );
  }
  return requests;
}

/** As few portions as fit one message each. */
function* inPortions(requests: readonly InvokeRequest[]): Generator<readonly InvokeRequest[]> {
  let portion: InvokeRequest[] = [];
  let bytes = 0;
  for (const request of requests) {
    const more = toBinary(InvokeRequestSchema, request).length + ITEM_BYTES;
    if (portion.length > 0 && (portion.length === ITEMS_MAX || bytes + more > BYTES_MAX)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(request);
    bytes += more;
  }
  if (portion.length > 0) yield portion;
}

/**
 * Sends one portion; again those of it that the server could not start for a reason that may pass.
 * @throws PolosError for what fails the request as a whole.
 */
async function invokeSome(
  transport: Transport,
  requests: readonly InvokeRequest[],
): Promise<readonly (string | Error)[]> {
  const end = performance.now() + TRYING_MS;
  const answers = await send(transport, requests);
  for (let retry = 0; ; retry++) {
    const again = [...answers.keys()].filter((index) => isConnectionTrouble(answers[index]));
    const delay = retryDelayMs(RETRY_DELAYS, retry, Math.random());
    if (again.length === 0 || performance.now() + delay >= end) return answers;
    await pause(delay);
    const later = await send(
      transport,
      again.map((index) => requests[index] as InvokeRequest),
    );
    for (const [place, index] of again.entries()) answers[index] = later[place] as string | Error;
  }
}

async function send(transport: Transport, requests: readonly InvokeRequest[]): Promise<(string | Error)[]> {
  const request = create(BatchInvokeRequestSchema, { requests: [...requests] });
  const { items } = await transport.call(WorkflowService.method.batchInvoke, request, { repeatable: true });
  return requests.map((_, index) => answerOf(items[index]));
}

function answerOf(item: BatchInvokeResponse_Item | undefined): string | Error {
  const outcome = item?.outcome;
  if (outcome?.case === 'response') return outcome.value.executionId;
  if (outcome?.case === 'error') return fromStatus(outcome.value);
  return new PolosApiError('INTERNAL', 'the server did not answer for this item');
}
