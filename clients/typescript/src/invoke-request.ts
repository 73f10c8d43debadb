import { create } from '@bufbuild/protobuf';
import { toStartFields } from './child-command.js';
import { PayloadValidationError, StateValidationError } from './errors.js';
import { type InvokeRequest, InvokeRequestSchema } from './gen/polos/v1/workflow_service_pb.js';
import type { InvokeOptions } from './invocation.js';
import { describeIssues } from './issue.js';
import { toPayload } from './payload.js';
import { check } from './schema.js';
import { durationField } from './time.js';
import type { AnyWorkflow } from './workflow.js';
import { assertTarget } from './workflow-target.js';

/** What the client adds to what its caller asks for. */
export interface InvokeSurroundings {
  /** The id to start the execution under; undefined to let the server choose one. */
  readonly executionId: string | undefined;
  readonly deploymentId: string | undefined;
  /** Whose payload and state they are, for errors: ` of item 3`. */
  readonly of?: string;
}

/**
 * Makes a request of Invoke. Refuses early what the workflow's own schemas refuse; all else is the server's to judge.
 * @throws PayloadValidationError, StateValidationError, StateSizeError, PayloadSizeError, SerializationError; TypeError for
 * what is neither a workflow nor an id, and for an option that its field cannot hold.
 */
export async function toInvokeRequest(
  workflow: AnyWorkflow | string,
  payload: unknown,
  options: InvokeOptions<object>,
  { executionId, deploymentId, of = '' }: InvokeSurroundings,
): Promise<InvokeRequest> {
  assertTarget(workflow);
  if (typeof workflow !== 'string') await assertValid(workflow, payload, options.initialState, of);
  const body = toPayload(payload, { what: `the payload${of}` });
  const { startDelaySeconds } = options;
  return create(InvokeRequestSchema, {
    ...toStartFields(workflow, { ...options, queue: options.queue ?? options.queueName }),
    idempotencyKey: options.idempotencyKey ?? executionId ?? '',
    executionId: executionId ?? '',
    sessionId: options.sessionId ?? '',
    userId: options.userId ?? '',
    searchAttributes: { ...options.searchAttributes },
    deploymentId: deploymentId ?? '',
    ...(body !== undefined && { payload: body }),
    ...durationField('startDelay', 'startDelaySeconds', startDelaySeconds),
  });
}

async function assertValid(
  workflow: AnyWorkflow,
  payload: unknown,
  initialState: unknown,
  of: string,
): Promise<void> {
  const { payloadSchema, stateSchema } = workflow.config;
  if (payloadSchema !== undefined) {
    const checked = await check(payloadSchema, payload);
    if ('issues' in checked) {
      throw new PayloadValidationError(describeIssues(`the payload${of}`, checked.issues), checked.issues);
    }
  }
  if (stateSchema !== undefined && initialState !== undefined) {
    const checked = await check(stateSchema, initialState);
    if ('issues' in checked) {
      const { issues } = checked;
      throw new StateValidationError(describeIssues(`the initial state${of}`, issues), issues);
    }
  }
}
