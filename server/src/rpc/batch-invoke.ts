import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { EngineApi } from '../engine/api.js';
import {
  type BatchInvokeRequest,
  type BatchInvokeResponse,
  type BatchInvokeResponse_ItemSchema,
  BatchInvokeResponseSchema,
  type InvokeRequest,
  InvokeRequestSchema,
} from '../gen/polos/v1/workflow_service_pb.js';
import { fromInvoke, toInvoked } from './codec/invoke.js';
import { toRpcError } from './error-table.js';
import type { RpcLog } from './log.js';
import type { Call } from './method.js';
import { RpcError, shortened, toStatus, toStatusBytes } from './status.js';
import { validate } from './validation.js';

/** What a batch needs besides its request. */
export interface BatchPort {
  readonly engine: EngineApi;
  readonly log: RpcLog;
}

/** Items that are carried out at once: about as many as stores commit together. */
const AT_ONCE = 500;

/** Bytes of errors that come with their details; those after them are shorter. */
const ERROR_BYTES_MAX = 1_048_576;

/** Characters of the messages of those: ten thousand of them take a quarter of a message. */
const SHORT_MESSAGE_LENGTH = 80;

type Item = MessageInitShape<typeof BatchInvokeResponse_ItemSchema>;

/** Carries out BatchInvoke: each item as Invoke would, and none of them fails another. */
export async function batchInvoke(
  port: BatchPort,
  { requests }: BatchInvokeRequest,
  call: Call,
): Promise<BatchInvokeResponse> {
  const items: Item[] = [];
  const errors = new ErrorBudget();
  for (let start = 0; start < requests.length; start += AT_ONCE) {
    const some = requests.slice(start, start + AT_ONCE);
    const answers = await Promise.all(some.map((request) => invokeOne(port, request, call)));
    for (const answer of answers) {
      items.push(answer instanceof RpcError ? errors.itemOf(answer) : answer);
    }
  }
  return create(BatchInvokeResponseSchema, { items });
}

async function invokeOne(
  { engine, log }: BatchPort,
  request: InvokeRequest,
  { projectId }: Call,
): Promise<Item | RpcError> {
  try {
    validate(InvokeRequestSchema, request);
    const invoked = await engine.invoke(fromInvoke(request, projectId));
    return { outcome: { case: 'response', value: toInvoked(invoked) } };
  } catch (error) {
    return toRpcError(error, { method: 'BatchInvoke', log });
  }
}

/** Keeps the errors of a batch from growing beyond one message. */
class ErrorBudget {
  #left = ERROR_BYTES_MAX;

  itemOf(error: RpcError): Item {
    const isShort = this.#left <= 0;
    if (!isShort) this.#left -= toStatusBytes(error).length;
    const shown = isShort ? new RpcError(error.code, shortened(error.message, SHORT_MESSAGE_LENGTH)) : error;
    return { outcome: { case: 'error', value: toStatus(shown) } };
  }
}
