import { executionCompleted } from './commands.js';
import { PayloadValidationError, ResultValidationError } from './errors.js';
import type { Command } from './gen/polos/v1/command_pb.js';
import type { Payload } from './gen/polos/v1/payload_pb.js';
import { describeIssues } from './issue.js';
import { fromPayload, toPayload } from './payload.js';
import { check } from './schema.js';
import { JsonRefusal, toJsonText } from './state/json.js';
import type { AnyWorkflow } from './workflow.js';

/**
 * What the handler receives: the payload as the workflow's schema returns it, or as it is without one.
 * @throws PayloadValidationError if it does not fit.
 */
export async function readPayload(
  config: AnyWorkflow['config'],
  payload: Payload | undefined,
): Promise<unknown> {
  return checkPayload(config, fromPayload(payload));
}

/**
 * The same for a payload that is a value already.
 * @throws PayloadValidationError if it does not fit.
 */
export async function checkPayload(config: AnyWorkflow['config'], value: unknown): Promise<unknown> {
  if (config.payloadSchema === undefined) return value;
  const checked = await check(config.payloadSchema, value);
  if ('value' in checked) return ownCopy(checked.value);
  throw new PayloadValidationError(describeIssues('the payload', checked.issues), checked.issues);
}

/**
 * A copy of plain data; what is no plain data, as it is. A schema may hand out the very object that it keeps as a default
 * (zod 4 does), which a handler must not change for all executions to come; what is no plain data, it has made itself.
 */
export function ownCopy(value: unknown): unknown {
  try {
    const text = toJsonText(value);
    return text === undefined ? undefined : JSON.parse(text);
  } catch (error) {
    if (error instanceof JsonRefusal) return value;
    throw error;
  }
}

/**
 * The command that ends the execution with what the handler returned.
 * @throws ResultValidationError if it does not fit the output schema; SerializationError, PayloadSizeError.
 */
export async function toResult(
  config: AnyWorkflow['config'],
  result: unknown,
  bytesMax: number,
): Promise<Command> {
  return executionCompleted(await checkResult(config, result, bytesMax));
}

/**
 * Writes what the handler returned, if it may be the execution's result.
 * @throws ResultValidationError if it does not fit the output schema; SerializationError, PayloadSizeError.
 */
export async function checkResult(
  config: AnyWorkflow['config'],
  result: unknown,
  bytesMax: number,
): Promise<Payload | undefined> {
  if (config.outputSchema !== undefined) {
    const checked = await check(config.outputSchema, result);
    if ('issues' in checked) {
      throw new ResultValidationError(describeIssues('the result', checked.issues), checked.issues);
    }
  }
  return toPayload(result, { what: 'the result', bytesMax });
}
