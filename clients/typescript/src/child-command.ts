import { inspect } from 'node:util';
import { create } from '@bufbuild/protobuf';
import {
  InvalidStepError,
  PayloadValidationError,
  SerializationError,
  StateSizeError,
  StateValidationError,
} from './errors.js';
import { type Command, CommandSchema } from './gen/polos/v1/command_pb.js';
import { describeIssues } from './issue.js';
import { toPayload } from './payload.js';
import { queueName } from './queue.js';
import { type Checked, check } from './schema.js';
import { JsonRefusal, toJsonText } from './state/json.js';
import { STATE_BYTES_MAX } from './state/state-document.js';
import type { ChildOptions } from './step.js';
import { durationField } from './time.js';
import type { AnyWorkflow } from './workflow.js';
import { idOf } from './workflow-target.js';

/** A child as the code asked for it. */
export interface ChildArguments {
  readonly payload: unknown;
  readonly options: ChildOptions<unknown>;
}

const OPTION_NAMES: ReadonlySet<string> = new Set([
  'payload',
  'initialState',
  'queue',
  'concurrencyKey',
  'runTimeoutSeconds',
  'priority',
]);

/**
 * Tells the two forms of `invokeAndWait` apart: `(key, workflow, {payload, initialState})` and
 * `(key, workflow, payload, options)`. Three arguments are the first form exactly if the third is an object with a
 * `payload` of its own and nothing but options beside it.
 * @param rest the arguments after the workflow, as many as were given.
 */
export function readChildArguments(rest: readonly unknown[]): ChildArguments {
  const [first, options] = rest;
  if (rest.length >= 2) return { payload: first, options: (options ?? {}) as ChildOptions<unknown> };
  const isObject = typeof first === 'object' && first !== null && Object.hasOwn(first, 'payload');
  if (!isObject || !Object.keys(first).every((name) => OPTION_NAMES.has(name))) {
    return { payload: first, options: {} };
  }
  const { payload, ...others } = first as ChildOptions<unknown> & { readonly payload: unknown };
  return { payload, options: others };
}

/**
 * Makes the command that starts a child. What the child would refuse is refused here, as far as the workflow's schemas
 * are known and answer at once; the server and the child's worker check again.
 * @throws SerializationError, PayloadValidationError, StateValidationError, StateSizeError; InvalidStepError for an option
 * that its field cannot hold.
 */
export function toChildCommand(
  key: string,
  workflow: AnyWorkflow | string,
  child: ChildArguments,
  wait: boolean,
): Command {
  const value = { stepKey: key, wait, ...toChildFields(`step "${key}"`, workflow, child) };
  return create(CommandSchema, { command: { case: 'childStarted', value } });
}

/**
 * The fields of a child, checked.
 * @param what  whose payload and state they are, for errors.
 * @throws SerializationError, PayloadValidationError, StateValidationError, StateSizeError.
 */
export function toChildFields(
  what: string,
  workflow: AnyWorkflow | string,
  { payload, options }: ChildArguments,
) {
  const config = typeof workflow === 'string' ? undefined : workflow.config;
  const checkedPayload = config?.payloadSchema && check(config.payloadSchema, payload);
  if (isRefused(checkedPayload)) {
    const { issues } = checkedPayload;
    throw new PayloadValidationError(describeIssues(`the payload of ${what}`, issues), issues);
  }
  const checkedState = config?.stateSchema && check(config.stateSchema, options.initialState ?? {});
  if (isRefused(checkedState)) {
    const { issues } = checkedState;
    throw new StateValidationError(describeIssues(`the initial state of ${what}`, issues), issues);
  }
  const body = toPayload(payload, { what: `the payload of ${what}` });
  return {
    ...inStep(what, () => toStartFields(workflow, options)),
    ...(body !== undefined && { payload: body }),
  };
}

/** What a field cannot hold is the step's error. The other steps of the commit would otherwise fail with it. */
function inStep<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof TypeError ? new InvalidStepError(`${what}: ${error.message}`) : error;
  }
}

/**
 * What an execution is started with besides its payload, whoever starts it.
 * @throws SerializationError, StateSizeError for the initial state; TypeError for an option that its field cannot hold.
 */
export function toStartFields(workflow: AnyWorkflow | string, options: ChildOptions<unknown>) {
  const { initialState, queue, concurrencyKey, runTimeoutSeconds, priority } = options;
  return {
    workflowId: idOf(workflow),
    initialState: toInitialState(initialState),
    queue: queueName(queue),
    concurrencyKey: concurrencyKey ?? '',
    priority: toInt32('priority', priority ?? 0),
    ...durationField('runTimeout', 'runTimeoutSeconds', runTimeoutSeconds),
  };
}

/**
 * An initial state as JSON text; empty for none.
 * @throws SerializationError if JSON cannot hold it; StateSizeError if it is too large.
 */
function toInitialState(state: unknown): string {
  try {
    const text = toJsonText(state) ?? '';
    const size = text.length * 3 > STATE_BYTES_MAX ? Buffer.byteLength(text) : 0;
    if (size > STATE_BYTES_MAX) throw new StateSizeError(size, STATE_BYTES_MAX);
    return text;
  } catch (error) {
    if (!(error instanceof JsonRefusal)) throw error;
    const at = error.path === '' ? '' : ` at "${error.path}"`;
    const message = `the initial state cannot be written as JSON: the value${at} ${error.reason}`;
    throw new SerializationError(message, error.path);
  }
}

/** A number that a field of the protocol holds. @throws TypeError for any other. */
function toInt32(name: string, value: number): number {
  if (Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 31) return value;
  throw new TypeError(`${name} must be an integer, not ${inspect(value)}`);
}

function isRefused(
  checked: Checked<unknown> | Promise<Checked<unknown>> | undefined,
): checked is Extract<Checked<unknown>, { issues: unknown }> {
  return checked !== undefined && 'issues' in checked;
}
